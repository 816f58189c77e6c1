//! What matches what: one row an example, and properties that hold for every value.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::Form::{self, *};
use super::Ioc::{self, *};
use super::Strength::{self, *};
use super::{Campaign, Hit, Indicator, IndicatorSet, Matcher, Platform, host, path};
use crate::record::Kind;
use crate::time::Epoch;

#[derive(Clone, Copy, Debug)]
enum Where {
    Field(Kind),
    Raw,
    /// Raw, in two bytes a character.
    RawUtf16,
    /// A name in a DNS message.
    Wire,
}
use Where::{Field, Raw, RawUtf16, Wire};

type Row = (u16, Where, &'static str, Ioc, &'static str, Option<(Strength, Form)>);

#[rustfmt::skip]
const EXAMPLES: [Row; 173] = [
    (1, Field(Kind::Url), "https://free247downloads.com/abc", Domain, "free247downloads.com", Some((Certain, Exact))),
    (2, Field(Kind::Url), "free247downloads.com", Domain, "free247downloads.com", Some((Certain, Exact))),
    (3, Field(Kind::Url), "FREE247DOWNLOADS.COM.", Domain, "free247downloads.com", Some((Certain, Exact))),
    (4, Field(Kind::Url), "https://FREE247DOWNLOADS.COM./x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (5, Field(Kind::Url), "https://www.free247downloads.com/", Domain, "free247downloads.com", Some((Strong, Subdomain))),
    (6, Field(Kind::Url), "https://a.b.free247downloads.com:30897/x", Domain, "free247downloads.com", Some((Strong, Subdomain))),
    (7, Field(Kind::Url), "https://free247downloads.com:8443/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (8, Field(Kind::Url), "https://user:pw@free247downloads.com/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (9, Field(Kind::Url), "https://free247downloads.com@evil.org/", Domain, "free247downloads.com", None),
    (10, Field(Kind::Url), "https://notfree247downloads.com/", Domain, "free247downloads.com", None),
    (11, Field(Kind::Url), "https://not-free247downloads.com/", Domain, "free247downloads.com", None),
    (12, Field(Kind::Url), "https://free247downloads.com.evil.org/", Domain, "free247downloads.com", None),
    (13, Field(Kind::Url), "https://free247downloads.company/", Domain, "free247downloads.com", None),
    (14, Field(Kind::Url), "https://free247downloads.co/", Domain, "free247downloads.com", None),
    (15, Field(Kind::Url), "http://free247downloads%2Ecom/", Domain, "free247downloads.com", Some((Certain, Exact))),
    (16, Field(Kind::Url), "http://free247downloads.com%2eevil.org/", Domain, "free247downloads.com", None),
    (17, Field(Kind::Url), "https://free247downloads。com/", Domain, "free247downloads.com", Some((Certain, Exact))),
    (18, Field(Kind::Url), "https://ｆｒｅｅ247downloads.com/", Domain, "free247downloads.com", Some((Certain, Exact))),
    (19, Field(Kind::Url), "https://free247dоwnloads.com/", Domain, "free247downloads.com", None),
    (20, Field(Kind::Url), "https://free247downloads.com\\@good.com/", Domain, "free247downloads.com", Some((Certain, Exact))),
    (21, Field(Kind::Url), "//free247downloads.com/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (22, Field(Kind::Url), "mailto:bob@free247downloads.com", Domain, "free247downloads.com", Some((Weak, Context))),
    (23, Field(Kind::Url), "https://evil.org/?u=https%3A%2F%2Ffree247downloads.com%2Fx", Domain, "free247downloads.com", Some((Medium, Nested))),
    (24, Field(Kind::Url), "https://evil.org/?u=https://free247downloads.com/x", Domain, "free247downloads.com", Some((Medium, Nested))),
    (25, Field(Kind::Url), "https://evil.org/free247downloads.com", Domain, "free247downloads.com", Some((Weak, Context))),
    (26, Field(Kind::Url), "https://evil.org/#free247downloads.com", Domain, "free247downloads.com", Some((Weak, Context))),
    (27, Field(Kind::Url), "whatsapp://send?text=https://free247downloads.com/x", Domain, "free247downloads.com", Some((Medium, Nested))),
    (28, Field(Kind::Url), "http://10.0.0.1/free247downloads.com", Domain, "free247downloads.com", Some((Weak, Context))),
    (29, Field(Kind::Url), "http://foo.local/notfree247downloads.comic", Domain, "free247downloads.com", None),
    (30, Field(Kind::Url), "hxxps://free247downloads[.]com/x", Domain, "free247downloads.com", Some((Medium, Defanged))),
    (31, Field(Kind::Url), "free247downloads(dot)com", Domain, "free247downloads.com", Some((Medium, Defanged))),
    (32, Field(Kind::Url), "https:\\/\\/free247downloads.com\\/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (33, Field(Kind::Url), "https://bit.ly/3xyz", Domain, "free247downloads.com", None),
    (34, Field(Kind::Url), " https://free247downloads.com/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (35, Field(Kind::Url), "https://free247downloads.com\t/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (36, Field(Kind::Url), "ftp://free247downloads.com/x", Domain, "free247downloads.com", Some((Certain, Exact))),
    (37, Field(Kind::Url), "javascript:location=\"https://free247downloads.com/\"", Domain, "free247downloads.com", Some((Medium, Nested))),
    (38, Field(Kind::Url), "https://telegrɑm.com/", Domain, "xn--telegrm-qbd.com", Some((Certain, Exact))),
    (39, Field(Kind::Url), "https://xn--telegrm-qbd.com/a", Domain, "xn--telegrm-qbd.com", Some((Certain, Exact))),
    (40, Field(Kind::Url), "https://telegram.com/", Domain, "xn--telegrm-qbd.com", None),
    (41, Field(Kind::Url), "https://x.media-sync-a.copy9.com/", Domain, "media-sync-a.copy9.com", Some((Strong, Subdomain))),
    (42, Field(Kind::Url), "https://media-sync-a.copy9.com/", Domain, "media-sync-a.copy9.com", Some((Certain, Exact))),
    (43, Field(Kind::Url), "https://media-sync-a.copy9.com:443/", Domain, "media-sync-a.copy9.com", Some((Certain, Exact))),
    (44, Field(Kind::Url), "https://copy9.com/", Domain, "media-sync-a.copy9.com", None),
    (45, Field(Kind::Url), "https://www.tzsafe.com/", Domain, "www.tzsafe.com", Some((Certain, Exact))),
    (46, Field(Kind::Url), "https://tzsafe.com/", Domain, "www.tzsafe.com", Some((Weak, Context))),
    (47, Field(Kind::Url), "https://web-trackers.com/", Domain, "web-trackers.com", Some((Certain, Exact))),
    (48, Field(Kind::Url), "https://other.duckdns.org/", Domain, "huaxin-bantian.duckdns.org", None),
    (49, Field(Kind::Url), "https://v2.1ca43.appspot.com/", Domain, "1ca43.appspot.com", Some((Strong, Subdomain))),
    (50, Field(Kind::Url), "https://fgr1w2gnsdvsb.xyz/x", Domain, "fgr1w2gnsdvsb.xyz/x", Some((Certain, Exact))),
    (51, Field(Kind::Url), "https://fgr1w2gnsdvsb.xyz/", Domain, "fgr1w2gnsdvsb.xyz/x", Some((Weak, Context))),
    (52, Field(Kind::Url), "https://despachosnegocios.com/", Domain, "despachosnegocios", None),
    (53, Field(Kind::Url), "http://amazing.lab/", Domain, "amazing.lab", Some((Certain, Exact))),
    (54, Field(Kind::Url), "http://amazing.laboratory/", Domain, "amazing.lab", None),
    (55, Field(Kind::Url), "https://www.bbc.co.uk/", Domain, "co.uk", None),
    (56, Field(Kind::Url), "https://62.72.21.10:8443/x", Ip, "62.72.21.10", Some((Certain, Exact))),
    (57, Field(Kind::Url), "http://62.72.21.105/", Ip, "62.72.21.10", None),
    (58, Field(Kind::Url), "http://162.72.21.10/", Ip, "62.72.21.10", None),
    (59, Field(Kind::Url), "http://0x3e.72.5386/", Ip, "62.72.21.10", Some((Certain, Exact))),
    (60, Field(Kind::Url), "::ffff:62.72.21.10", Ip, "62.72.21.10", Some((Certain, Exact))),
    (61, Field(Kind::Url), "https://10.21.72.62.in-addr.arpa/", Ip, "62.72.21.10", Some((Weak, Context))),
    (62, Field(Kind::Url), "https://62.72.21.10.nip.io/", Ip, "62.72.21.10", Some((Weak, Context))),
    (63, Field(Kind::Url), "http://192.168.1.1/?v=62.72.21.10", Ip, "62.72.21.10", Some((Medium, Nested))),
    (64, Field(Kind::Url), "https://accountsecurities.org/16tPqQC", Url, "https://accountsecurities.org/16tPqQC", Some((Certain, Exact))),
    (65, Field(Kind::Url), "HTTPS://ACCOUNTSECURITIES.ORG/16tPqQC", Url, "https://accountsecurities.org/16tPqQC", Some((Certain, Exact))),
    (66, Field(Kind::Url), "https://accountsecurities.org/16tPqQC?utm=1", Url, "https://accountsecurities.org/16tPqQC", Some((Strong, UrlPrefix))),
    (67, Field(Kind::Url), "https://accountsecurities.org/16tPqQC/", Url, "https://accountsecurities.org/16tPqQC", Some((Certain, Exact))),
    (68, Field(Kind::Url), "http://accountsecurities.org/16tPqQC", Url, "https://accountsecurities.org/16tPqQC", Some((Strong, UrlPrefix))),
    (69, Field(Kind::Url), "https://accountsecurities.org/16tpqqc", Url, "https://accountsecurities.org/16tPqQC", Some((Weak, Context))),
    (70, Field(Kind::Url), "https://accountsecurities.org:443/16tPqQC", Url, "https://accountsecurities.org/16tPqQC", Some((Certain, Exact))),
    (71, Field(Kind::Url), "https://accountsecurities.org/16tPqQCC", Url, "https://accountsecurities.org/16tPqQC", Some((Weak, Context))),
    (72, Field(Kind::Process), "bh", Process, "bh", Some((Certain, Exact))),
    (73, Field(Kind::Process), "bhd", Process, "bh", None),
    (74, Field(Kind::Process), "BH", Process, "bh", None),
    (75, Field(Kind::Process), "/private/var/db/com.apple.xpc.roleaccountd.staging/bh", Process, "bh", Some((Certain, Exact))),
    (76, Field(Kind::Process), "bh/com.apple.datausage", Process, "bh", Some((Certain, Exact))),
    (77, Field(Kind::Process), "bh ", Process, "bh", Some((Certain, Exact))),
    (78, Field(Kind::Process), "diagnosticd", Process, "Diagnosticd", None),
    (79, Field(Kind::Process), "Diagnosticd", Process, "Diagnosticd", Some((Certain, Exact))),
    (80, Field(Kind::Process), "BackupAgent2", Process, "BackupAgent", None),
    (81, Field(Kind::Process), "/usr/libexec/BackupAgent", Process, "BackupAgent", Some((Weak, Context))),
    (82, Field(Kind::Process), "com.apple.rappor", Process, "com.apple.rapports.events", Some((Weak, Truncated))),
    (83, Field(Kind::Process), "com.apple.rapport.events", Process, "com.apple.rapports.events", None),
    (84, Field(Kind::Process), "ReminderIntentsU", Process, "ReminderIntentsUIExtension", Some((Weak, Truncated))),
    (85, Field(Kind::Process), "ReminderIntentsUI", Process, "ReminderIntentsUIExtension", None),
    (86, Field(Kind::Process), "RemindersIntentsUIExtension", Process, "ReminderIntentsUIExtension", None),
    (87, Field(Kind::Process), "CommCenterRootHelper", Process, "CommsCenterRootHelper", None),
    (88, Field(Kind::Process), "com.apple.Mappit.SnapshotServic", Process, "com.apple.Mappit.SnapshotService", Some((Weak, Truncated))),
    (89, Field(Kind::Process), "/private/var/db/com.apple.xpc.roleaccountd.staging/subridged", Process, "roleaccountd", None),
    (90, Field(Kind::Process), "/system/bin/gatekeeperd", Process, "gatekeeperd", None),
    (91, Field(Kind::Path), "/private/var/tmp/hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (92, Field(Kind::Path), "/var/tmp/hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (93, Field(Kind::Path), "private/var/tmp/hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (94, Field(Kind::Path), "/private/var/tmp/hooker/", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (95, Field(Kind::Path), "/private/var/tmp/hooker/a.bin", FilePath, "/private/var/tmp/hooker", Some((Strong, BelowPath))),
    (96, Field(Kind::Path), "/private/var/tmp/hooker2", FilePath, "/private/var/tmp/hooker", None),
    (97, Field(Kind::Path), "/private/var/tmp/HOOKER", FilePath, "/private/var/tmp/hooker", None),
    (98, Field(Kind::Path), "/private//var/./tmp/x/../hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (99, Field(Kind::Path), "file:///private/var/tmp/hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (100, Field(Kind::Path), "\\private\\var\\tmp\\hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (101, Field(Kind::Path), "/private/var/tmp/hooker", FilePath, "/private/var/tmp/hooker", Some((Certain, Exact))),
    (102, Field(Kind::Path), "/private/var/tmp/l", FilePath, "/private/var/tmp/l/", Some((Certain, Exact))),
    (103, Field(Kind::Path), "/private/var/tmp/l/kusama.txt", FilePath, "/private/var/tmp/l/", Some((Strong, BelowPath))),
    (104, Field(Kind::Path), "/private/var/tmp/launchd_log", FilePath, "/private/var/tmp/l/", None),
    (105, Field(Kind::Path), "/tmp/lockdown.log", FilePath, "/tmp/l/", None),
    (106, Field(Kind::Path), "/private/var/tmp/stopwatch.plist", FilePath, "/private/var/tmp/stop", None),
    (107, Field(Kind::Path), "/usr/libexec/UserEventAgent", FilePath, "/private/var/tmp/UserEventAgent", None),
    (108, Field(Kind::Path), "/private/var/mobile/Library/Preferences/com.apple.photolibraryd.plist", FilePath, "Library/Preferences/com.apple.photolibraryd.plist", Some((Medium, PathSuffix))),
    (109, Field(Kind::Path), "/Library/Preferences/com.apple.photolibraryd.plist", FilePath, "Library/Preferences/com.apple.photolibraryd.plist", Some((Medium, PathSuffix))),
    (110, Field(Kind::Path), "/private/var/mobile/Library/Preferences/com.apple.photolibraryd.plist", FilePath, "/private/var/mobile/Library/Preferences/com.apple.photolibraryd.plist", Some((Certain, Exact))),
    (111, Field(Kind::Path), "/private/var/root/Library/Preferences/roleaccountd.plist", FileName, "roleaccountd.plist", Some((Certain, Exact))),
    (112, Field(Kind::Path), "/x/com.apple.roleaccountd.plist", FileName, "roleaccountd.plist", None),
    (113, Field(Kind::Path), "/x/roleaccountd.plist/y", FileName, "roleaccountd.plist", Some((Weak, Component))),
    (114, Field(Kind::Path), "/x/Roleaccountd.plist", FileName, "roleaccountd.plist", None),
    (115, Field(Kind::Path), "/x/cafe\u{301}.plist", FileName, "café.plist", Some((Certain, Exact))),
    (116, Field(Kind::Path), "https://cdn.example/pe_main.js?x=1", FileName, "pe_main.js", Some((Weak, Context))),
    (117, Field(Kind::Email), "LinaKeller2203@Gmail.com", Email, "linakeller2203@gmail.com", Some((Certain, Exact))),
    (118, Field(Kind::Email), "mailto:linakeller2203@gmail.com", Email, "linakeller2203@gmail.com", Some((Certain, Exact))),
    (119, Field(Kind::Email), "Lina <linakeller2203@gmail.com>", Email, "linakeller2203@gmail.com", Some((Certain, Exact))),
    (120, Field(Kind::Email), "lina.keller2203@gmail.com", Email, "linakeller2203@gmail.com", Some((Weak, Alias))),
    (121, Field(Kind::Email), "linakeller2203+x@googlemail.com", Email, "linakeller2203@gmail.com", Some((Weak, Alias))),
    (122, Field(Kind::Email), "xlinakeller2203@gmail.com", Email, "linakeller2203@gmail.com", None),
    (123, Field(Kind::AppId), "com.serv.services", AppId, "com.serv.services", Some((Certain, Exact))),
    (124, Field(Kind::AppId), "com.serv.services:remote", AppId, "com.serv.services", Some((Certain, Exact))),
    (125, Field(Kind::AppId), "com.serv.services/.MainActivity", AppId, "com.serv.services", Some((Certain, Exact))),
    (126, Field(Kind::AppId), "com.serv.services.helper", AppId, "com.serv.services", None),
    (127, Field(Kind::AppId), "COM.SERV.SERVICES", AppId, "com.serv.services", Some((Weak, CaseDiffers))),
    (128, Field(Kind::AppId), "com.google.android.services", AppId, "com.google.android.service", None),
    (129, Field(Kind::ProfileId), "76DAB334-7E17-475D-A5D6-0794EB5818A5", ProfileId, "76DAB334-7E17-475D-A5D6-0794EB5818A5", Some((Certain, Exact))),
    (130, Field(Kind::ProfileId), "76dab334-7e17-475d-a5d6-0794eb5818a5", ProfileId, "76DAB334-7E17-475D-A5D6-0794EB5818A5", Some((Certain, Exact))),
    (131, Field(Kind::ProfileId), "475D", ProfileId, "76DAB334-7E17-475D-A5D6-0794EB5818A5", None),
    (132, Field(Kind::ProfileId), "profile-76DAB334-7E17-475D-A5D6-0794EB5818A5", ProfileId, "76DAB334-7E17-475D-A5D6-0794EB5818A5", Some((Weak, Contains))),
    (133, Field(Kind::Hash), "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD", FileHash, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", Some((Certain, Exact))),
    (134, Field(Kind::Hash), "sha256:aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", FileHash, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", Some((Certain, Exact))),
    (135, Field(Kind::Hash), "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", FileHash, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", Some((Certain, Exact))),
    (136, Field(Kind::Hash), "f9:18:1c:6c:f9:aa:cb:3a:b1:09:2f:53:38:c3:19:8a:8d:83:34:31", CertHash, "F9181C6CF9AACB3AB1092F5338C3198A8D833431", Some((Certain, Exact))),
    (137, Field(Kind::Property), "sys.brand.note", Property, "sys.brand.note", Some((Certain, Exact))),
    (138, Field(Kind::Property), "sys.brand.notes", Property, "sys.brand.note", None),
    (139, Field(Kind::Property), "SYS.BRAND.NOTE", Property, "sys.brand.note", Some((Weak, CaseDiffers))),
    (140, Field(Kind::Property), "persist.sys.brand.note", Property, "sys.brand.note", None),
    (141, Field(Kind::Message), "see free247downloads.com.", Domain, "free247downloads.com", Some((Strong, InText))),
    (142, Field(Kind::Message), "(free247downloads.com),", Domain, "free247downloads.com", Some((Strong, InText))),
    (143, Field(Kind::Message), "xfree247downloads.comx", Domain, "free247downloads.com", None),
    (144, Field(Kind::Message), "CN=*.free247downloads.com", Domain, "free247downloads.com", Some((Strong, Subdomain))),
    (145, Field(Kind::Message), "src/thd.cc:120: note", Domain, "thd.cc", Some((Weak, InText))),
    (146, Field(Kind::Message), "https://thd.cc/a", Domain, "thd.cc", Some((Certain, Exact))),
    (147, Raw, "libcups.so.2", Domain, "ups.so", None),
    (148, Raw, "{\"payload\": 1}", Process, "payload", None),
    (149, Raw, "x bh y", Process, "bh", None),
    (150, Field(Kind::Process), "BackupAgent2", Process, "BackupAgent", None),
    (151, Field(Kind::Process), "bh", Process, "bh", Some((Certain, Exact))),
    (152, RawUtf16, "free247downloads.com", Domain, "free247downloads.com", Some((Medium, Utf16))),
    (153, Raw, "ZnJlZTI0N2Rvd25sb2Fkcy5jb20=", Domain, "free247downloads.com", Some((Medium, Base64))),
    (154, Field(Kind::Message), "free247downloads=2Ecom", Domain, "free247downloads.com", Some((Medium, QuotedPrintable))),
    (155, Field(Kind::Message), "free247downlo=\nads.com", Domain, "free247downloads.com", Some((Medium, QuotedPrintable))),
    (156, Field(Kind::Message), "free247downloads&#46;com", Domain, "free247downloads.com", Some((Medium, HtmlEntity))),
    (157, Field(Kind::Message), "\"https:\\u002f\\u002ffree247downloads.com\"", Domain, "free247downloads.com", Some((Certain, Exact))),
    (158, Field(Kind::Path), "https_free247downloads.com_0.localstorage", Domain, "free247downloads.com", Some((Strong, WebkitOrigin))),
    (159, Field(Kind::Host), "moc.sdaolnwod742eerf.", Domain, "free247downloads.com", Some((Medium, ReversedHost))),
    (160, Wire, "\x10free247downloads\x03com\x00", Domain, "free247downloads.com", Some((Medium, DnsWire))),
    (161, Raw, "\x00\x07free247downloads.com\x00\x01", Domain, "free247downloads.com", Some((Medium, Carved))),
    (162, Field(Kind::Message), "It talks to 62.72.21.10.", Ip, "62.72.21.10", Some((Strong, InText))),
    (163, Field(Kind::Message), "162.72.21.10", Ip, "62.72.21.10", None),
    (164, Field(Kind::Message), "62.72.21.10.5", Ip, "62.72.21.10", None),
    (165, Field(Kind::Message), "62.72.21.10/24", Ip, "62.72.21.10", Some((Weak, Contains))),
    (166, Field(Kind::Message), "App/62.72.21.10", Ip, "62.72.21.10", Some((Weak, Context))),
    (167, Field(Kind::Message), "<linakeller2203@gmail.com>", Email, "linakeller2203@gmail.com", Some((Strong, InText))),
    (168, Field(Kind::Message), "0aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd1", FileHash, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", None),
    (169, Field(Kind::Message), "digest AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD, seen", FileHash, "aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd", Some((Strong, InText))),
    (170, Field(Kind::AppId), "package:com.serv.services", AppId, "com.serv.services", Some((Certain, Exact))),
    (171, Field(Kind::Message), "com.serv.services-1/base.apk", AppId, "com.serv.services", Some((Strong, InText))),
    (172, Field(Kind::Url), "https://a.evil.com/", Domain, "*.evil.com", Some((Strong, Subdomain))),
    (173, Field(Kind::Url), "https://evil.com/", Domain, "*.evil.com", None),
];

fn indicator(ioc: Ioc, value: &str, platform: Platform) -> Indicator {
    Indicator {
        ioc,
        value: value.into(),
        campaign: 0,
        source: 0,
        role: super::Role::Unstated,
        platform,
        stix_id: "".into(),
        valid_from: None,
        valid_until: None,
        revoked: false,
        note: "".into(),
    }
}

fn matcher(indicators: &[(Ioc, &str)], platform: Platform) -> Matcher {
    let indicators = indicators.iter().map(|(ioc, value)| indicator(*ioc, value, Platform::Any)).collect();
    let campaigns = vec![Campaign { name: "Example".into(), ..Campaign::default() }];
    Matcher::new(IndicatorSet { indicators, campaigns, ..IndicatorSet::default() }, platform)
}

fn hits(matcher: &Matcher, place: Where, input: &str) -> Vec<Hit<'static>> {
    let mut hits = Vec::new();
    let mut keep = |hit: Hit<'_>| {
        let matched = hit.matched.into_owned().into();
        hits.push(Hit { matched, ..hit });
    };
    match place {
        Field(kind) => matcher.field(kind, input, &mut keep),
        Raw => matcher.bytes(input.as_bytes(), &mut |_, hit| keep(hit)),
        RawUtf16 => {
            let bytes: Vec<u8> = input.encode_utf16().flat_map(u16::to_le_bytes).collect();
            matcher.bytes(&bytes, &mut |_, hit| keep(hit));
        }
        Wire => matcher.wire_name(input.as_bytes(), &mut keep),
    }
    hits
}

#[test]
fn every_example_matches_as_stated() {
    let mut wrong = Vec::new();
    for (number, place, input, ioc, value, expected) in EXAMPLES {
        // The one example that is about evidence of another system.
        let matcher = if number == 90 {
            let indicators = vec![indicator(ioc, value, Platform::Ios)];
            Matcher::new(IndicatorSet { indicators, ..IndicatorSet::default() }, Platform::Android)
        } else {
            matcher(&[(ioc, value)], Platform::Ios)
        };
        let hits: Vec<_> = hits(&matcher, place, input).iter().map(|hit| (hit.strength, hit.form)).collect();
        if hits != Vec::from_iter(expected) {
            wrong.push(format!("{number}: `{input}` against `{value}`: {hits:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_of_the_system_never_match_those_that_imitate_them() {
    let imitations = [
        ("cfprefssd", "cfprefsd"),
        ("passsd", "passd"),
        ("wifip2ppd", "wifip2pd"),
        ("neagentd", "neagent"),
        ("nehelprd", "nehelper"),
        ("CommsCenterRootHelper", "CommCenterRootHelper"),
        ("ReminderIntentsUIExtension", "RemindersIntentsUIExtension"),
        ("com.apple.rapports.events", "com.apple.rapport.events"),
        ("com.apple.Mappit.SnapshotService", "com.apple.MapKit.SnapshotService"),
        ("Diagnosticd", "diagnosticd"),
        ("BackupAgent", "BackupAgent2"),
    ];
    for (imitation, name) in imitations {
        let matcher = matcher(&[(Process, imitation)], Platform::Ios);
        for input in [name.to_owned(), format!("/usr/libexec/{name}"), format!("{name}/com.apple.x")] {
            for kind in [Kind::Process, Kind::AppId, Kind::Path, Kind::Message] {
                assert_eq!(hits(&matcher, Field(kind), &input), [], "{input} against {imitation}");
            }
        }
    }
}

#[test]
fn a_cut_name_says_which_system_name_it_may_be() {
    let matcher = matcher(&[(Process, "com.apple.rapports.events")], Platform::Ios);
    let hits = hits(&matcher, Field(Kind::Process), "com.apple.rappor");
    assert!(hits.iter().all(|hit| hit.note.contains("com.apple.rapport.events")) && hits.len() == 1);
}

#[test]
fn names_are_cut_at_the_lengths_of_records_and_in_paths_never() {
    let matcher = matcher(&[(Process, "com.apple.Mappit.SnapshotService")], Platform::Ios);
    let forms = |value: &str| {
        hits(&matcher, Field(Kind::Process), value).iter().map(|hit| hit.form).collect::<Vec<_>>()
    };
    for (length, expected) in [
        (14, None),
        (15, Some(Truncated)),
        (16, Some(Truncated)),
        (17, None),
        (30, None),
        (31, Some(Truncated)),
        (32, Some(Exact)),
    ] {
        let name = &"com.apple.Mappit.SnapshotService"[..length];
        assert_eq!(forms(name), Vec::from_iter(expected), "{name}");
        let whole = expected.filter(|form| *form == Exact);
        assert_eq!(forms(&format!("/private/var/tmp/{name}")), Vec::from_iter(whole), "{name} in a path");
    }
}

#[test]
fn a_process_named_by_a_word_is_no_folder_of_that_name() {
    for name in ["Launch", "bh", "natgd"] {
        let matcher = matcher(&[(Process, name)], Platform::Ios);
        for path in
            ["/private/var/mobile/Library/NAME/x", "/private/var/NAME", "/private/var/NAME.app/a", "/NAME/"]
        {
            let path = path.replace("NAME", name);
            let hits = hits(&matcher, Field(Kind::Path), &path);
            let is_last = path.trim_end_matches('/').ends_with(&format!("/{name}"));
            assert!(hits.len() <= usize::from(is_last), "{path}: {hits:?}");
        }
    }
}

#[test]
fn networks_hold_addresses_and_private_ones_are_not_applied() {
    let matcher = matcher(
        &[(Ip, "62.72.0.0/16"), (Ip, "10.0.0.0/8"), (Ip, "2a01:4f8::/32"), (Ip, "0.0.0.0/0")],
        Platform::Ios,
    );
    let ids =
        |kind, input| hits(&matcher, Field(kind), input).iter().map(|hit| hit.indicator).collect::<Vec<_>>();
    assert_eq!(ids(Kind::Host, "62.72.21.10"), [0]);
    assert_eq!(ids(Kind::Host, "10.1.2.3"), [0_u32; 0]);
    assert_eq!(ids(Kind::Url, "http://[2a01:4f8::1]:80/"), [2]);
    assert_eq!(ids(Kind::Message, "at 12:30 from 2a01:4f8:1::2, and ::1"), [2]);
}

#[test]
fn a_page_of_a_shared_host_is_matched_and_its_host_is_not() {
    let set = matcher(&[(Url, "https://github.com/someone/spy")], Platform::Ios);
    assert_eq!(hits(&set, Field(Kind::Url), "https://github.com/someone/spy").len(), 1);
    assert!(hits(&set, Field(Kind::Url), "https://www.github.com/rust-lang/rust").is_empty());
}

#[test]
fn encoded_and_wide_text_is_found_in_raw_bytes_at_any_phase() {
    let matcher = matcher(
        &[(Domain, "free247downloads.com"), (FilePath, "/private/var/tmp/hooker"), (Process, "hooker")],
        Platform::Ios,
    );
    let found = |bytes: &[u8]| {
        let mut found = Vec::new();
        matcher.bytes(bytes, &mut |offset, hit| found.push((offset, hit.indicator, hit.form)));
        found
    };
    // "x https://free247downloads.com/", "xx …" and "xxx …" in base64.
    for text in [
        &b"eCBodHRwczovL2ZyZWUyNDdkb3dubG9hZHMuY29tLw=="[..],
        b"eHggaHR0cHM6Ly9mcmVlMjQ3ZG93bmxvYWRzLmNvbS8=",
        b"eHh4IGh0dHBzOi8vZnJlZTI0N2Rvd25sb2Fkcy5jb20v",
    ] {
        assert!(
            found(text).iter().any(|(_, id, form)| (*id, *form) == (0, Base64)),
            "{}",
            text.escape_ascii()
        );
    }
    // "xfree247downloads.comx"
    assert_eq!(found(b"eGZyZWUyNDdkb3dubG9hZHMuY29teA=="), []);
    assert_eq!(found(b"\x01\x02free247downloads.com\xff"), [(2, 0, Carved)]);
    assert_eq!(found("é\u{434}free247downloads.com".as_bytes()), []);
    assert_eq!(found(b"\x01/var/tmp/hooker\x00"), [(1, 1, Carved)]);
    assert_eq!(found(b"/private/var/tmp/hooker2"), []);
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    assert_eq!(found(&wide("\u{43e}free247downloads.com")), []);
    assert_eq!(found(&wide("xfree247downloads.com")), []);
    let big: Vec<u8> = "a free247downloads.com".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(matches!(found(&big)[..], [(_, 0, Utf16)]));
}

#[test]
fn the_matched_part_is_borrowed_from_the_value() {
    let matcher = matcher(&[(Domain, "evil.com")], Platform::Ios);
    matcher.field(Kind::Message, "see a.evil.com, now", &mut |hit| {
        assert!(matches!(hit.matched, std::borrow::Cow::Borrowed("a.evil.com")));
    });
}

const KINDS: [Kind; 19] = [
    Kind::Text,
    Kind::Int,
    Kind::Real,
    Kind::Bool,
    Kind::Bytes,
    Kind::Time(Epoch::Unix),
    Kind::Message,
    Kind::Url,
    Kind::Host,
    Kind::Email,
    Kind::Phone,
    Kind::Process,
    Kind::Path,
    Kind::Hash,
    Kind::AppId,
    Kind::ProfileId,
    Kind::Property,
    Kind::Direction,
    Kind::Caveat("a caveat"),
];

/// One of each sort, with the kind of its field.
const SAMPLES: [(Ioc, &str, Kind); 14] = [
    (Domain, "free247downloads.com", Kind::Host),
    (Domain, "free247downloads.com", Kind::Url),
    (Domain, "xn--telegrm-qbd.com", Kind::Message),
    (Ip, "62.72.21.10", Kind::Host),
    (Ip, "62.72.21.10", Kind::Message),
    (Url, "https://accountsecurities.org/16tPqQC", Kind::Url),
    (Process, "bh", Kind::Process),
    (FileName, "roleaccountd.plist", Kind::Path),
    (FilePath, "/private/var/tmp/hooker", Kind::Path),
    (Email, "linakeller2203@gmail.com", Kind::Email),
    (FileHash, "d41d8cd98f00b204e9800998ecf8427e", Kind::Hash),
    (AppId, "com.serv.services", Kind::AppId),
    (ProfileId, "76dab334-7e17-475d-a5d6-0794eb5818a5", Kind::ProfileId),
    (Property, "sys.brand.note", Kind::Property),
];

fn all(order: impl Iterator<Item = usize>) -> Matcher {
    let indicators: Vec<_> = order.map(|at| (SAMPLES[at].0, SAMPLES[at].1)).collect();
    matcher(&indicators, Platform::Ios)
}

/// Pieces that lead deep into the rules, in any order.
fn hostile() -> impl Strategy<Value = String> {
    let pieces = [
        "https://",
        "hxxp",
        "[.]",
        "%2e",
        "%25",
        "&#46;",
        "=2e",
        "=\n",
        "\\u002e",
        "\\/",
        "://",
        "..",
        "@",
        "#",
        "?u=",
        "mailto:",
        "file:///",
        "intent:",
        "free247downloads",
        ".com",
        "62.72.21.10",
        "::ffff:",
        "https_",
        "_0",
        "/../",
        "\u{3002}",
        "é",
        "\u{301}",
        "\0",
        "-",
        "_",
        "{",
        "==",
        "62.72.0.0/16",
        "bh",
        "\u{200b}",
        "(1)",
        "package:",
        "&#x",
    ];
    let piece = prop_oneof![proptest::sample::select(pieces.to_vec()).prop_map(str::to_owned), ".{0,4}"];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_domain_or_name_matches_itself(name in "[a-z][a-z0-9]{3,20}\\.(com|net|info)") {
        for (ioc, kind) in [(Domain, Kind::Host), (Domain, Kind::Url), (FileName, Kind::Path), (AppId, Kind::AppId),
            (Process, Kind::Process), (Property, Kind::Property), (ProfileId, Kind::ProfileId)] {
            let hits = hits(&matcher(&[(ioc, &name)], Platform::Ios), Field(kind), &name);
            prop_assert_eq!(hits.len(), 1);
            prop_assert_eq!((hits[0].strength, hits[0].form), (Certain, Exact));
        }
    }

    #[test]
    fn a_character_more_is_another_value(at in 0..SAMPLES.len(), more in "[a-zA-Z0-9_-]", front in any::<bool>()) {
        let (ioc, value, kind) = SAMPLES[at];
        let matcher = matcher(&[(ioc, value)], Platform::Ios);
        prop_assert!(hits(&matcher, Field(kind), value).iter().any(|hit| hit.strength >= Strong));
        // A URL begins with its scheme; one letter more makes another scheme of the same place.
        prop_assume!(!(front && ioc == Url));
        // A digest ends at anything but a letter or digit: lists write `name-digest`.
        prop_assume!(!(ioc == FileHash && matches!(&*more, "-" | "_")));
        let longer = if front { format!("{more}{value}") } else { format!("{value}{more}") };
        for place in [Field(kind), Field(Kind::Message)] {
            let hits = hits(&matcher, place, &longer);
            prop_assert!(hits.iter().all(|hit| hit.strength < Strong), "{} {:?}", longer, hits);
        }
        if ioc != FilePath || !front {
            let hits = hits(&matcher, Raw, &longer);
            prop_assert!(hits.iter().all(|hit| hit.strength < Medium), "{} {:?}", longer, hits);
        }
    }

    #[test]
    fn no_input_panics(input in hostile(), bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let matcher = all(0..SAMPLES.len());
        for kind in KINDS {
            matcher.field(kind, &input, &mut |_| {});
            for cut in (0..input.len()).filter_map(|at| input.get(at..)).take(6) {
                matcher.field(kind, cut, &mut |_| {});
            }
        }
        for place in [Raw, RawUtf16, Wire] {
            hits(&matcher, place, &input);
        }
        matcher.bytes(&bytes, &mut |_, _| {});
        matcher.wire_name(&bytes, &mut |_| {});
        let value = input.as_str();
        for ioc in Ioc::ALL {
            let _ = Matcher::new(
                IndicatorSet { indicators: vec![indicator(ioc, value, Platform::Any)], ..IndicatorSet::default() },
                Platform::Any,
            );
        }
    }

    #[test]
    fn canonical_forms_are_their_own(input in hostile()) {
        for platform in [Platform::Any, Platform::Ios, Platform::Macos, Platform::Android] {
            let once = path::canonical(&input, platform).into_owned();
            prop_assert_eq!(path::canonical(&once, platform), once.clone(), "{}", input);
        }
        if let Some(host::Host::Name(once)) = host::canonical(&input) {
            let once = once.into_owned();
            prop_assert_eq!(host::canonical(&once), Some(host::Host::Name(once.clone().into())));
        }
    }

    #[test]
    fn the_order_of_loading_changes_nothing(
        order in Just((0..SAMPLES.len()).collect::<Vec<_>>()).prop_shuffle(),
        at in 0..SAMPLES.len(),
        input in hostile(),
    ) {
        let (one, other) = (all(0..SAMPLES.len()), all(order.iter().copied()));
        let text = format!("{} {input}", SAMPLES[at].1);
        for kind in KINDS {
            let name = |matcher: &Matcher, hit: &Hit<'_>| {
                let found = &matcher.set().indicators[hit.indicator as usize];
                format!("{:?} {} {:?} {:?}", found.ioc, found.value, hit.strength, hit.form)
            };
            let names = |matcher: &Matcher| {
                hits(matcher, Field(kind), &text).iter().map(|hit| name(matcher, hit)).collect::<BTreeSet<_>>()
            };
            prop_assert_eq!(names(&one), names(&other));
        }
    }
}
