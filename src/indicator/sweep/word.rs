//! Which words stand for an indicator in raw bytes, and whether one of them stands at a place.

use std::net::IpAddr;
use std::ops::Range;

use super::Unswept;
use super::dots::Key;
use super::grams::{FOLD, GRAM, STRIDE, WINDOW};
use crate::indicator::bytes::{fragments, is_unusual};
use crate::indicator::host::{self, Host, Shape};
use crate::indicator::{Indicator, IndicatorSet, Ioc, Platform, name, path};

/// Longer words are not looked for: their neighbourhood would not fit.
const LONGEST: usize = 512;
/// Words beyond this many make the table of stretches so full that it holds nothing back.
const MOST_LITERALS: usize = 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Judged by the rules for text.
    Text,
    Path,
    FileName,
    /// Where its first character stands in a group of four.
    Base64(usize),
}

/// A word that the filter looks for.
pub(super) struct Literal {
    pub id: u32,
    pub meaning: Meaning,
    pub word: Box<[u8]>,
    /// Where the window begins whose stretches the filter knows.
    pub window: usize,
    /// Dots, slashes and at signs may be written in other ways.
    any_spelling: bool,
}

/// The indicators of a set, each with the way it is looked for.
pub(super) struct Sorted {
    rarity: Rarity,
    pub literals: Vec<Literal>,
    /// Looked for by their dots, each with the key of one.
    pub dotted: Vec<Key>,
    pub left_out: Vec<(u32, Unswept)>,
    pub plain_only: usize,
}

impl Sorted {
    pub fn new(set: &IndicatorSet, platform: Platform) -> Sorted {
        let mut sorted = Sorted {
            rarity: Rarity::new(),
            literals: Vec::new(),
            dotted: Vec::new(),
            left_out: Vec::new(),
            plain_only: 0,
        };
        // What is no host has no other filter; hosts beyond the room of the first have one of their own.
        for hosts in [false, true] {
            for (id, indicator) in (0_u32..).zip(&set.indicators) {
                let is_host = matches!(indicator.ioc, Ioc::Domain | Ioc::Ip | Ioc::Url | Ioc::AppId);
                if is_host != hosts {
                    continue;
                }
                match sought(indicator, platform) {
                    Ok(None) => {}
                    Ok(Some(sought)) => sorted.add(id, &sought),
                    Err(why) => sorted.left_out.push((id, why)),
                }
            }
        }
        sorted.left_out.sort_unstable();
        sorted
    }

    fn add(&mut self, id: u32, sought: &Sought) {
        let word = sought.word.as_bytes();
        let is_text = sought.meaning == Meaning::Text;
        let key = anchor(&sought.word).filter(|_| is_text).and_then(|dot| Key::new(id, word, dot));
        if self.literals.len() >= MOST_LITERALS
            && let Some(key) = key
        {
            self.plain_only += 1;
            self.dotted.push(key);
            return;
        }
        let mut found = false;
        if is_text {
            found = self.text(id, &sought.word, key);
            if sought.in_base64 {
                for (group, fragment) in fragments(word) {
                    self.as_written(id, Meaning::Base64(group), &fragment);
                }
            }
        } else {
            for word in std::iter::once(&sought.word).chain(&sought.others) {
                found |= self.as_written(id, sought.meaning, word);
            }
        }
        if !found {
            self.left_out.push((id, Unswept::Ordinary));
        }
    }

    /// A word for the rules of text: by what stands between its dots if that is rare, or by each way to write it, or by its dots.
    fn text(&mut self, id: u32, word: &str, key: Option<Key>) -> bool {
        // Slashes and at signs have spellings of their own.
        let is_more = word.contains(['/', '@']);
        if let Some((window, ordinary)) = self.rarity.rarest(word.as_bytes(), true)
            && (ordinary == 0 || is_more)
        {
            return self.literal(id, Meaning::Text, word.as_bytes(), window, true);
        }
        if word.contains('.') {
            for dot in DOTS_OF_SHORT_WORDS {
                let spelled = word.replace('.', dot);
                if let Some((window, 0)) = self.rarity.rarest(spelled.as_bytes(), false) {
                    self.literal(id, Meaning::Text, spelled.as_bytes(), window, false);
                }
            }
        }
        match (self.rarity.rarest(word.as_bytes(), false), key) {
            (Some((window, 0)), _) | (Some((window, _)), None) => {
                self.literal(id, Meaning::Text, word.as_bytes(), window, false)
            }
            (_, Some(key)) => {
                self.dotted.push(key);
                true
            }
            (None, None) => false,
        }
    }

    fn as_written(&mut self, id: u32, meaning: Meaning, word: &str) -> bool {
        let window = self.rarity.rarest(word.as_bytes(), false);
        window.is_some_and(|(window, _)| self.literal(id, meaning, word.as_bytes(), window, false))
    }

    fn literal(&mut self, id: u32, meaning: Meaning, word: &[u8], window: usize, any_spelling: bool) -> bool {
        self.literals.push(Literal { id, meaning, word: word.into(), window, any_spelling });
        true
    }
}

/// The ways to write the dots of a word that is not found by what stands between them.
const DOTS_OF_SHORT_WORDS: [&str; 4] = ["[.]", "(.)", "[dot]", "%2e"];

struct Sought {
    word: String,
    /// Other ways to the same path.
    others: Vec<String>,
    meaning: Meaning,
    in_base64: bool,
}

impl Sought {
    fn text(word: String, in_base64: bool) -> Sought {
        Sought { word, others: Vec::new(), meaning: Meaning::Text, in_base64 }
    }
}

/// The word to look for; none where digests are looked for as such.
fn sought(indicator: &Indicator, platform: Platform) -> Result<Option<Sought>, Unswept> {
    let foreign =
        indicator.platform != Platform::Any && platform != Platform::Any && indicator.platform != platform;
    let value = host::trim(&indicator.value);
    let sought = match indicator.ioc {
        Ioc::Process | Ioc::Property | Ioc::ProfileId => return Err(Unswept::Field),
        Ioc::FileHash | Ioc::CertHash => {
            return if name::digest(value).is_some() { Ok(None) } else { Err(Unswept::Unusable) };
        }
        Ioc::FilePath | Ioc::FileName if foreign => return Err(Unswept::Foreign),
        Ioc::FilePath if !value.starts_with('/') => return Err(Unswept::Ordinary),
        Ioc::FilePath => {
            let mut ways = path::ways(&path::canonical(value, platform), platform).into_iter();
            let word = ways.next().unwrap_or_default();
            Sought { word, others: ways.collect(), meaning: Meaning::Path, in_base64: false }
        }
        Ioc::FileName if !is_unusual(value) => return Err(Unswept::Ordinary),
        Ioc::FileName => Sought {
            word: value.to_owned(),
            others: Vec::new(),
            meaning: Meaning::FileName,
            in_base64: false,
        },
        Ioc::Email => {
            let key = name::mail_address(value).and_then(name::mail_key).ok_or(Unswept::Unusable)?;
            Sought::text(key, true)
        }
        Ioc::AppId => Sought::text(value.to_ascii_lowercase(), true),
        Ioc::Domain | Ioc::Ip | Ioc::Url => network(indicator.ioc, value)?,
    };
    if sought.word.len() > LONGEST {
        return Err(Unswept::Long);
    }
    Ok(Some(sought))
}

/// The word of a host, an address or a URL.
fn network(ioc: Ioc, value: &str) -> Result<Sought, Unswept> {
    let host = value.strip_prefix("*.").unwrap_or(value);
    let address = host.trim_matches(['[', ']']);
    if let Ok(ip) = address.parse::<IpAddr>() {
        let word = match ip {
            IpAddr::V4(_) => address.to_owned(),
            IpAddr::V6(ip) => ip.to_string(),
        };
        return if word.len() < 8 { Err(Unswept::Ordinary) } else { Ok(Sought::text(word, false)) };
    }
    if let Some((address, length)) = host.split_once('/')
        && address.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
        && length.parse::<u8>().is_ok()
    {
        return Err(Unswept::Network);
    }
    if ioc == Ioc::Url || host.contains(['/', ':']) {
        let Shape::Address(address) = host::cut(value) else { return Err(Unswept::Unusable) };
        let written = address.written.to_ascii_lowercase();
        let port = address.port.map(|port| format!(":{port}")).unwrap_or_default();
        let path = address.rest.split(['?', '#']).next().unwrap_or("").trim_end_matches('/');
        return Ok(Sought::text(format!("{written}{port}{path}"), true));
    }
    match host::canonical(host) {
        // Its parent is the company it keeps.
        Some(Host::Name(name)) if name.contains('.') && !is_public(&name, value != host) => {
            Ok(Sought::text(name.strip_prefix("www.").unwrap_or(&name).to_owned(), true))
        }
        _ => Err(Unswept::Unusable),
    }
}

fn is_public(name: &str, is_below: bool) -> bool {
    let suffix = psl::suffix(name.as_bytes());
    !is_below && suffix.is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name.as_bytes())
}

/// The dot of a word by which it is looked for: that behind its longest label.
pub(super) fn anchor(word: &str) -> Option<usize> {
    let host = word.split(['/', ':']).next().unwrap_or(word);
    let mut best: Option<Range<usize>> = None;
    let mut start = 0;
    for (at, _) in host.match_indices('.') {
        if best.as_ref().is_none_or(|best| at - start > best.len()) {
            best = Some(start..at);
        }
        start = at + 1;
    }
    let best = best?;
    let label = host.get(best.clone())?;
    (!label.is_empty()
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')))
    .then_some(best.end)
}

/// The word that an indicator is looked for by its dots with.
pub(super) fn dotted(indicator: &Indicator, platform: Platform) -> Option<String> {
    sought(indicator, platform).ok().flatten().map(|sought| sought.word)
}

/// Chooses windows of words.
struct Rarity {
    /// Stretches of what stands all over a phone's bytes: open addressing, zero where a place is free.
    ordinary: Vec<u64>,
    /// How rare a byte is.
    bytes: [usize; 256],
}

impl Rarity {
    fn new() -> Rarity {
        // Common letters of English text and of identifiers, most common first.
        const COMMON: &[u8] = b"eaotinrslcdmpuhgbfy.-/wvkxjqz_";
        let mut bytes = [COMMON.len(); 256];
        for (byte, rarity) in (0..=u8::MAX).zip(&mut bytes) {
            *rarity = COMMON.iter().position(|common| *common == byte | FOLD).unwrap_or(COMMON.len());
        }
        // At least half of the places stay free.
        let size = (ORDINARY.len() * 2).next_power_of_two();
        let mut rarity = Rarity { ordinary: vec![0; size], bytes };
        let mut stretch = 0;
        for (at, byte) in ORDINARY.bytes().enumerate() {
            stretch = next_stretch(stretch, byte);
            if at + 1 >= GRAM {
                let place = rarity.place(stretch);
                if let Some(place) = rarity.ordinary.get_mut(place) {
                    *place = stretch;
                }
            }
        }
        rarity
    }

    /// The place of a stretch, or the free one where it would be.
    fn place(&self, stretch: u64) -> usize {
        let last = self.ordinary.len() - 1;
        let mut place = (stretch.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & last;
        while let Some(there) = self.ordinary.get(place)
            && *there != 0
            && *there != stretch
        {
            place = (place + 1) & last;
        }
        place
    }

    /// Where the window begins that is rarest, inside a part between dots and slashes or anywhere, and how many ordinary stretches it has.
    fn rarest(&self, word: &[u8], inside: bool) -> Option<(usize, usize)> {
        let mut best: Option<(u32, usize, usize)> = None;
        let (mut stretch, mut recent, mut rarity, mut plain) = (0, 0_u32, 0, 0);
        for (at, byte) in word.iter().enumerate() {
            stretch = next_stretch(stretch, *byte);
            let is_ordinary = at + 1 >= GRAM && self.ordinary.get(self.place(stretch)) == Some(&stretch);
            recent = (recent << 1 | u32::from(is_ordinary)) & ((1 << STRIDE) - 1);
            rarity += self.bytes[usize::from(*byte)];
            plain = if is_spelled(*byte) { 0 } else { plain + 1 };
            let Some(start) = (at + 1).checked_sub(WINDOW) else { continue };
            if !inside || plain >= WINDOW {
                let ordinary = recent.count_ones();
                if best.is_none_or(|(least, most, _)| ordinary < least || ordinary == least && rarity > most)
                {
                    best = Some((ordinary, rarity, start));
                }
            }
            rarity -= word.get(start).map_or(0, |byte| self.bytes[usize::from(*byte)]);
        }
        best.map(|(ordinary, _, start)| (start, ordinary as usize))
    }
}

/// The folded stretch that ends with `byte`, after the one before it.
fn next_stretch(stretch: u64, byte: u8) -> u64 {
    stretch >> 8 | u64::from(byte | FOLD) << (8 * (GRAM - 1))
}

/// What stands all over a phone's bytes, or is what words there are made of.
const ORDINARY: &str = "\
    https://www.apple.com http://www.example.com com.apple.mobile com.google.android.gms com.facebook.katana com.microsoft.office \
    com.samsung.android.app com.android.providers.media com.android.vending net.whatsapp.WhatsApp com.whatsapp com.instagram.android \
    org.telegram.messenger com.snapchat.android com.twitter.android com.skype.raider com.viber.voip com.tencent.mm com.huawei.system \
    com.xiaomi.mipush com.example.application org.mozilla.firefox com.spotify.music com.netflix.mediaclient com.amazon.mShop \
    maps.googleapis.com youtube.com googlevideo.com gstatic.com googleusercontent.com doubleclick.net google-analytics.com \
    googletagmanager.com cloudfront.net akamaihd.net amazonaws.com fbcdn.net icloud.com mzstatic.com live.com outlook.com hotmail.com \
    yahoo.com gmail.com mail.com protonmail.com wikipedia.org github.com appspot.com blogspot.com wordpress.com linkedin.com dropbox.com \
    firebaseio.com crashlytics.com /private/var/mobile/Library/Preferences/ /private/var/mobile/Containers/Data/Application/ \
    /private/var/containers/Bundle/Application/ /var/mobile/Media/DCIM/100APPLE/ /private/var/db/ /private/var/tmp/ /private/var/root/ \
    /private/var/logs/ /private/var/log/ /System/Library/PrivateFrameworks/ /System/Library/Frameworks/Foundation.framework/ \
    /System/Library/CoreServices/ /usr/libexec/ /usr/lib/system/ /usr/local/ /data/local/tmp/ /data/user/0/com. /data/data/com. \
    /data/app/ /data/misc/ /storage/emulated/0/Android/data/com. /storage/emulated/0/Download/ /sdcard/ /system/framework/ /system/app/ \
    /system/priv-app/ /vendor/lib64/ /proc/self/ .plist .sqlite .db-wal .db-shm .json .html .jpeg .heic .png .js .css .php .apk .dex \
    notifications application applications location locations mobile mobiles mobilespy service services system systems manager \
    management security secured secure settings setting update updates updated updater download downloads downloader account accounts \
    support supported network networks networking connect connected connection connections message messages messaging messenger \
    analytics identifier information calendar contacts contact photos photo camera keyboard extension extensions bluetooth provider \
    providers content contents online website websites static assets images image cloud server servers client clients request requests \
    response responses session sessions changed changes error errors warning warnings status state states device devices phone phones \
    telephone smartphone tracker tracking monitor monitoring family parental control controls kids children location-tracking spyware \
    android iphone apple google facebook twitter instagram whatsapp telegram microsoft samsung windows office outlook skype linkedin \
    youtube amazon netflix paypal banking business company international global world news media video videos audio music sounds \
    player store stores shop shopping market markets travel hotels health medical doctor school university education learning training \
    community social network friends people person personal profile profiles privacy policy policies terms conditions license licence \
    password passwords username login signin signup register registration registered verify verification verified validate validation \
    confirm confirmation authentication authenticate authorization certificate certificates encryption encrypted encryption decrypted \
    database databases backup backups restore recovery storage memory process processes processor execute execution performance \
    configuration configure default defaults preference preferences options option feature features enable enabled disable disabled \
    available availability unavailable required requirement version versions release released develop developer development production \
    test testing sample example examples document documents folder folders directory directories browser browsers internet explorer \
    chrome firefox safari search searching results result report reports reporting report statistics history activity activities \
    event events schedule scheduled background foreground window windows screen screens display displayed resolution language \
    languages english french german spanish russian chinese japanese arabic country countries region regions address addresses \
    street number numbers amount payment payments invoice order orders customer customers product products delivery shipping \
    subscribe subscription subscriptions newsletter campaign advertising advertisement marketing promotion discount special offer \
    offers limited standard professional premium official original originator international transaction transactions transfer \
    template templates component components module modules package packages library libraries framework frameworks interface \
    implementation object objects property properties attribute attributes element elements function functions parameter parameters \
    argument arguments variable variables constant string strings integer boolean array dictionary character characters \
    current previous following previously recently tomorrow yesterday morning afternoon evening minutes seconds station please \
    though through without within between because together another something anything everything nothing someone everyone \
    automatic automatically communication communications technology technologies solution solutions resource resources \
    distribution destination direction directions description subscription administration administrator organization organizations \
    generation operation operations navigation animation installation installer uninstall integration migration optimization \
    synchronize synchronization syndication synchronizer sync-service background-service launcher launchd springboard daemon agent \
    assistant intelligent intelligence dictionary vocabulary translation translate weather forecast temperature sport sports football";

/// A character that formats escape and people disguise.
fn is_spelled(byte: u8) -> bool {
    matches!(byte, b'.' | b'@' | b'/' | b':' | b'?' | b'#' | b'%' | b'&' | b'=' | b'\\')
}

/// Spellings of a character, folded, none before one that it is a part of.
fn spellings(byte: u8) -> &'static [&'static [u8]] {
    const DOT: &[&[u8]] = &[
        b"&period;",
        b"\\u002e",
        b" dot ",
        b"[dot]",
        b"{dot}",
        b"(dot)",
        b"%252e",
        b"&#x2e;",
        b"&#46;",
        b"[.]",
        b"(.)",
        b"{.}",
        b"%2e",
        b"=2e",
        b"[.",
        b".]",
        b".",
    ];
    const AT: &[&[u8]] = &[
        b"&commat;",
        b"\\u0040",
        b"%2540",
        b"&#x40;",
        b"&#64;",
        b"[at]",
        b"(at)",
        b"[@]",
        b"%40",
        b"=40",
        b"@",
    ];
    const SLASH: &[&[u8]] =
        &[b"\\u002f", b"%252f", b"&#x2f;", b"&#47;", b"&sol;", b"[/]", b"%2f", b"=2f", b"\\/", b"/"];
    const COLON: &[&[u8]] = &[b"&colon;", b"\\u003a", b"%253a", b"[:]", b"%3a", b"=3a", b"[:", b":"];
    match byte {
        b'.' => DOT,
        b'@' => AT,
        b'/' => SLASH,
        b':' => COLON,
        _ => &[],
    }
}

fn same_folded(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a | FOLD == b | FOLD)
}

impl Literal {
    /// Where the word stands, if `in_word` of it stands at `at`.
    pub fn span(&self, bytes: &[u8], at: usize, in_word: usize) -> Option<Range<usize>> {
        if self.any_spelling {
            let start = backward(bytes.get(..at)?, self.word.get(..in_word)?)?;
            let end = at + forward(bytes.get(at..)?, self.word.get(in_word..)?)?;
            return Some(start..end);
        }
        let start = at.checked_sub(in_word)?;
        let end = start + self.word.len();
        let there = bytes.get(start..end)?;
        let same = match self.meaning {
            Meaning::Text => same_folded(there, &self.word),
            _ => *there == *self.word,
        };
        same.then_some(start..end)
    }
}

/// How many bytes the word takes at the beginning of `bytes`.
fn forward(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for byte in word {
        let length = match spellings(*byte) {
            [] => (rest.first()? | FOLD == byte | FOLD).then_some(1)?,
            ways => ways
                .iter()
                .find(|way| rest.get(..way.len()).is_some_and(|there| same_folded(there, way)))?
                .len(),
        };
        rest = rest.get(length..)?;
    }
    Some(bytes.len() - rest.len())
}

/// How many bytes are left before the word that ends `bytes`.
fn backward(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    for byte in word.iter().rev() {
        let length = match spellings(*byte) {
            [] => (rest.last()? | FOLD == byte | FOLD).then_some(1)?,
            ways => ways
                .iter()
                .find(|way| {
                    let start = rest.len().checked_sub(way.len());
                    start.and_then(|start| rest.get(start..)).is_some_and(|there| same_folded(there, way))
                })?
                .len(),
        };
        rest = rest.get(..rest.len().checked_sub(length)?)?;
    }
    Some(rest.len())
}
