//! Domains and URLs: what never matches, what matches everybody, and what other tools read differently.

use super::super::Ioc;
use super::super::intake::is_network;
use super::super::list::refanged;
use super::file::Value;
use super::rules::{self, Severity};
use super::{Mend, Options, Sink, addresses, lists};

pub(super) fn check(value: &Value, options: &Options, out: &mut Sink<'_>) {
    let text = value.text.trim();
    defanged(value, text, out);
    match value.ioc {
        Ioc::Domain => domain(value, text, options, out),
        Ioc::Url => url(value, text, options, out),
        _ => {}
    }
}

fn defanged(value: &Value, text: &str, out: &mut Sink<'_>) {
    if !matches!(value.ioc, Ioc::Domain | Ioc::Url | Ioc::Ip | Ioc::Email) {
        return;
    }
    let plain = refanged(text);
    if out.file.is_stix && plain != text {
        let mend = Mend::told(format!("write `{plain}`"));
        let message = "defanged: a pattern is compared as it stands and never matches";
        out.graver(&rules::DEFANGED, Severity::Error, value, message, Some(mend));
    } else if let Some(span) = value.span
        && let written = span.text(&out.file.text)
        && written != value.text
        && *refanged(written) == *value.text
    {
        let mend = Mend::edit(format!("write `{text}`"), span, text);
        out.add(&rules::DEFANGED, value, "defanged: only lists may write it so", Some(mend));
    }
}

fn domain(value: &Value, text: &str, options: &Options, out: &mut Sink<'_>) {
    if is_network(text) {
        return as_address(value, text, out);
    }
    if text.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '@' | ':')) {
        let message = format!("`{text}` is more than a domain: other tools never match it");
        let mend = Mend::told("give it as a URL, or the name alone if the whole site is meant");
        return out.add(&rules::ADDRESS_IN_DOMAIN, value, message, Some(mend));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let name = name.strip_prefix("*.").unwrap_or(name);
    if !name.contains('.') || name.split('.').any(str::is_empty) {
        let mend = Mend::told("look the whole name up in the report, or remove the value");
        return out.add(&rules::SINGLE_LABEL, value, format!("`{text}` is not a host name"), Some(mend));
    }
    spelling(value, text, out);
    let lower = name.to_lowercase();
    let ascii = idna::domain_to_ascii(&lower).unwrap_or(lower);
    script(value, &ascii, out);
    if !suffix(value, &ascii, out) {
        return;
    }
    let bare = match ascii.strip_prefix("www.").filter(|bare| bare.contains('.')) {
        Some(bare) => {
            let mend = Mend::told(format!("give `{bare}` as well if the whole site is meant"));
            out.add(&rules::WWW, value, format!("`{ascii}` does not match `{bare}`"), Some(mend));
            bare
        }
        None => &ascii,
    };
    popular(value, bare, options, out);
    shared(value, &ascii, out);
    let tld = ascii.rsplit('.').next().unwrap_or("");
    if lists::is_file_extension(tld) {
        out.add(&rules::FILE_ENDING, value, format!("`.{tld}` ends names of files, too"), None);
    }
}

fn as_address(value: &Value, text: &str, out: &mut Sink<'_>) {
    let key = if text.contains(':') { "ipv6-addr:value" } else { "ipv4-addr:value" };
    let pattern = out.file.object(value).and_then(|object| object.pattern.as_ref());
    let place = pattern.filter(|_| value.is_alone).and_then(|pattern| {
        let at = pattern.span.text(&out.file.text).find("domain-name:value")?;
        Some(super::Span::new(pattern.span.start + at, pattern.span.start + at + "domain-name:value".len()))
    });
    let mend = match place {
        Some(span) => Mend::edit(format!("write `{key}`"), span, key),
        None => Mend::told("give it as an address"),
    };
    let message = format!("`{text}` is an address, not a domain");
    out.add(&rules::ADDRESS_AS_DOMAIN, value, message, Some(mend));
    addresses::address(value, text, out);
}

fn spelling(value: &Value, text: &str, out: &mut Sink<'_>) {
    let canonical = text.strip_suffix('.').unwrap_or(text).to_lowercase();
    if canonical.starts_with("*.") {
        let message = format!("`{text}` has a wildcard: other tools compare the star");
        let mend = Mend::told("without it, the name and everything below it match");
        return out.add(&rules::SPELLING, value, message, Some(mend));
    }
    super::canonical_spelling(value, &canonical, out);
}

fn script(value: &Value, ascii: &str, out: &mut Sink<'_>) {
    if !ascii.split('.').any(|label| label.starts_with("xn--")) {
        return;
    }
    let (shown, result) = idna::domain_to_unicode(ascii);
    if result.is_err() {
        let message = format!("`{ascii}` is not a valid internationalised name");
        return out.graver(&rules::OTHER_SCRIPT, Severity::Warning, value, message, None);
    }
    let like = lists::looks_like(&shown);
    let is_mixed = |label: &str| {
        label.chars().any(|c| c.is_ascii_alphabetic())
            && label
                .chars()
                .any(|c| !c.is_ascii() && !('\u{c0}'..='\u{24f}').contains(&c) && c.is_alphabetic())
    };
    if like.is_ascii() {
        let message = format!("shown as `{shown}`, which looks like `{like}`");
        out.graver(&rules::OTHER_SCRIPT, Severity::Warning, value, message, None);
    } else if shown.split('.').any(is_mixed) {
        let message = format!("shown as `{shown}`, which mixes scripts");
        out.graver(&rules::OTHER_SCRIPT, Severity::Warning, value, message, None);
    } else {
        out.add(&rules::OTHER_SCRIPT, value, format!("shown as `{shown}`"), None);
    }
}

/// False if the name is refused, so that nothing else is worth saying.
fn suffix(value: &Value, ascii: &str, out: &mut Sink<'_>) -> bool {
    let suffix = psl::Psl::suffix(&psl::List, ascii.as_bytes());
    match suffix {
        Some(suffix) if suffix.is_known() => {
            let is_whole = suffix.as_bytes().len() == ascii.len()
                || lists::shared_host(ascii).is_some_and(|(kind, name)| kind != "host" && name == ascii);
            if is_whole {
                let message = format!("`{ascii}` is a public suffix: everybody registers names below it");
                let mend = Mend::told("give the whole host name");
                out.add(&rules::PUBLIC_SUFFIX, value, message, Some(mend));
            }
            !is_whole
        }
        _ => {
            let tld = ascii.rsplit('.').next().unwrap_or("");
            let mend = Mend::told("look the name up in the report");
            out.add(&rules::UNKNOWN_TLD, value, format!("there is no top-level domain `.{tld}`"), Some(mend));
            false
        }
    }
}

fn popular(value: &Value, bare: &str, options: &Options, out: &mut Sink<'_>) {
    const NEAR_THE_TOP: u32 = 10_000;
    let mend = || Some(Mend::told("give a URL or a whole host name below it, or remove the value"));
    let rank = options.popular.get(bare).copied();
    if lists::is_top_site(bare) || rank.is_some_and(|rank| rank <= NEAR_THE_TOP) {
        out.add(&rules::POPULAR, value, format!("very many people use `{bare}`"), mend());
    } else if let Some(rank) = rank {
        let message = format!("`{bare}` is number {rank} of the popular names");
        out.graver(&rules::POPULAR, Severity::Warning, value, message, mend());
    }
}

fn shared(value: &Value, ascii: &str, out: &mut Sink<'_>) {
    let mut found = lists::shared_host(ascii);
    if let Some(("host", name)) = found {
        let mend = Some(Mend::told("give the host name of the customer, or remove the value"));
        out.add(&rules::SHARED_HOST, value, format!("`{name}` serves many customers"), mend);
        found = name.split_once('.').and_then(|(_, parent)| lists::shared_host(parent));
    }
    let private = psl::Psl::suffix(&psl::List, ascii.as_bytes())
        .filter(|suffix| suffix.typ() == Some(psl::Type::Private))
        .and_then(|suffix| std::str::from_utf8(suffix.as_bytes()).ok());
    match (found, private) {
        (Some(("registry", _)), _) | (None, None) => {}
        (Some(("dynamic", name)), _) => {
            let message = format!("anybody gets a name below `{name}`, and it may pass to others");
            out.add(&rules::SHARED_PLATFORM, value, message, None);
        }
        (Some((_, name)), _) | (None, Some(name)) => {
            let message = format!("a customer of `{name}`: fine as a whole name, dangerous if shortened");
            out.add(&rules::SHARED_PLATFORM, value, message, None);
        }
    }
}

fn url(value: &Value, text: &str, options: &Options, out: &mut Sink<'_>) {
    super::canonical_spelling(value, text, out);
    let parsed = url::Url::parse(text).ok().filter(url::Url::has_host);
    let without_scheme = || url::Url::parse(&format!("http://{text}")).ok().filter(|_| !text.contains("://"));
    let Some(parsed) = parsed.or_else(without_scheme) else {
        let message = format!("`{text}` is not a URL");
        return out.add(&rules::UNSOUND, value, message, Some(Mend::told("look it up in the report")));
    };
    match parsed.host() {
        Some(url::Host::Domain(name)) if parsed.path() == "/" && parsed.query().is_none() => {
            popular(value, name.strip_prefix("www.").unwrap_or(name), options, out);
        }
        Some(url::Host::Ipv4(ip)) => addresses::reserved(value, ip.into(), out),
        Some(url::Host::Ipv6(ip)) => addresses::reserved(value, ip.into(), out),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cases, stix};
    use super::*;

    #[test]
    fn each_rule_has_a_case_and_a_near_miss() {
        cases(
            "domains.txt",
            &[
                ("evil.example.xyz", ""),
                ("evil.xyz/x", "IND010"),
                ("https://evil.xyz", "IND010"),
                ("evil.xyz:8080", "IND010"),
                ("me@evil.xyz", "IND010"),
                ("evil", "IND011"),
                ("a..xyz", "IND011"),
                ("evil.lab", "IND012"),
                ("evil.xyz", ""),
                ("co.uk", "IND013"),
                ("github.io", "IND013"),
                ("dynamic-dns.net", "IND013"),
                ("evil.co.uk", ""),
                ("Evil.xyz", "IND015"),
                ("evil.xyz.", "IND015"),
                ("*.evil.xyz", "IND015"),
                ("xn--telegrm-qbd.com", "IND016"),
                ("xn--mnchen-3ya.de", "IND016"),
                ("www.evil.xyz", "IND017"),
                ("www2.evil.xyz", ""),
                ("evil[.]xyz", "IND019"),
                ("google.com", "IND020"),
                ("www.google.com", "IND017 IND020"),
                ("googlf.com", ""),
                ("evil.firebaseio.com", "IND021"),
                ("evil.duckdns.org", "IND021"),
                ("evil.github.io", "IND021"),
                ("evil.gr.com", ""),
                ("apprtc.appspot.com", "IND021 IND022"),
                ("evil.cab", "IND023"),
                ("evil.cabs", "IND012"),
            ],
        );
    }

    #[test]
    fn urls_are_checked_for_their_hosts() {
        cases(
            "urls.txt",
            &[
                ("https://evil.xyz/x", ""),
                ("https://www.google.com/", "IND020"),
                ("https://www.google.com/evil", ""),
                ("https://192.168.0.1/x", "IND030"),
                ("https://[::1]/", "IND030"),
                ("http://", "IND005"),
                ("hxxps://evil.xyz/x", "IND019"),
            ],
        );
    }

    #[test]
    fn lookalikes_and_mixed_scripts_are_graver() {
        let severity = |name: &str| {
            let lints = super::super::tests::linted("domains.txt", name);
            lints.iter().find(|lint| lint.rule.id == "IND016").map(|lint| lint.severity)
        };
        assert_eq!(severity("xn--telegrm-qbd.com"), Some(Severity::Warning));
        assert_eq!(severity("xn--mnchen-3ya.de"), Some(Severity::Note));
        assert_eq!(severity("munchen.de"), None);
    }

    #[test]
    fn patterns_are_compared_as_they_stand() {
        for (pattern, rules) in [
            ("[domain-name:value='evil.xyz']", ""),
            ("[domain-name:value='evil[.]xyz']", "IND012 IND019"),
            ("[domain-name:value=' evil.xyz']", "IND015"),
            ("[domain-name:value='5.6.7.8']", "IND014"),
            ("[domain-name:value='10.0.0.1']", "IND014 IND030"),
        ] {
            assert_eq!(stix(pattern), rules, "{pattern}");
        }
    }
}
