//! The matcher: which indicators a value equals, by the rules for the kind of its column.
//!
//! A value is brought into canonical form and looked up; there is no search without token boundaries. What a match means for
//! the owner of the phone is decided by whoever knows the record.

use std::sync::OnceLock;

use super::bytes::Literals;
use super::decode::{Decoder, Disguise};
use super::found::{Cap, Found};
use super::host::{self, Host};
use super::index::{ComponentRule, Ids, Index};
use super::sieve::Sieve;
use super::sweep::Engine;
use super::text::Frame;
use super::{Form, Hit, IndicatorSet, Platform, Strength, name, path};
use crate::record::Kind;

const CERTAIN: (Strength, Form) = (Strength::Certain, Form::Exact);

/// A set made ready for one piece of evidence.
pub struct Matcher {
    pub(super) set: IndicatorSet,
    pub(super) platform: Platform,
    pub(super) index: Index,
    decoder: Decoder,
    /// Only raw bytes need it, and it is the slowest part to build.
    pub(super) literals: OnceLock<Literals>,
    pub(super) sieve: OnceLock<Sieve>,
    pub(super) engine: OnceLock<Engine>,
}

impl Matcher {
    /// `platform` is the evidence's: processes, paths, file names and properties of another are not applied, hosts always are.
    pub fn new(set: IndicatorSet, platform: Platform) -> Matcher {
        let index = Index::new(&set, platform);
        Matcher {
            set,
            platform,
            index,
            decoder: Decoder::new(),
            literals: OnceLock::new(),
            sieve: OnceLock::new(),
            engine: OnceLock::new(),
        }
    }

    pub fn set(&self) -> &IndicatorSet {
        &self.set
    }

    /// Calls `each` for every indicator that matches this value: once an indicator, in the strongest form, in indicator order.
    pub fn field<'a>(&self, kind: Kind, value: &'a str, each: &mut dyn FnMut(Hit<'a>)) {
        let mut found = Found::new(value);
        match kind {
            Kind::Url => self.url(value, &mut found),
            Kind::Host => {
                self.url(value, &mut found);
                self.reversed(value, &mut found);
            }
            Kind::Message => self.message(value, Frame::MESSAGE, &mut found),
            Kind::Email => self.addresses(value, &mut found),
            Kind::Process => self.process(value, &mut found),
            Kind::Path => self.path_or_url(value, &mut found),
            Kind::Hash => self.digest(value, &mut found),
            Kind::AppId => {
                self.app_id(value, &mut found);
                let note = "an app whose id equals a process name";
                add_all(
                    self.index.processes.get(host::trim(value)),
                    Cap::weak(Form::Exact),
                    CERTAIN,
                    value,
                    note,
                    &mut found,
                );
            }
            Kind::ProfileId => self.profile(value, &mut found),
            Kind::Property => self.property(value, &mut found),
            Kind::Text
            | Kind::Int
            | Kind::Real
            | Kind::Bool
            | Kind::Bytes
            | Kind::Time(_)
            | Kind::Phone
            | Kind::Direction
            | Kind::Caveat(_) => {}
        }
        found.hits.into_values().for_each(each);
    }

    /// A host name in the wire form of a DNS message, as a parser of such messages finds it.
    pub fn wire_name(&self, wire: &[u8], each: &mut dyn FnMut(Hit<'static>)) {
        if let Some(name) = host::from_wire(wire) {
            let mut found = Found::new("");
            self.web(&name, Cap::medium(Form::DnsWire), 0, &mut found);
            found.hits.into_values().for_each(each);
        }
    }

    fn url(&self, value: &str, found: &mut Found<'_>) {
        self.web(value, Cap::NONE, 0, found);
        // Percent signs, ideographic dots and soft hyphens are the URL parser's own business.
        let leave = [Disguise::Percent, Disguise::QuotedPrintable, Disguise::Dots];
        let mut cap = Cap::NONE;
        self.decoder.each(value, &leave, |decoded, disguise| {
            cap = cap.and(disguise.cap());
            self.web(decoded, cap, 0, found);
        });
    }

    pub(super) fn message(&self, text: &str, frame: Frame, found: &mut Found<'_>) {
        self.text(text, frame, found);
        let mut frame = frame;
        self.decoder.each(text, &[], |decoded, disguise| {
            frame = frame.and(disguise.cap());
            self.text(decoded, frame, found);
        });
    }

    /// Firefox stores hosts backwards, with a final dot, so that an index serves sub-domains.
    pub(super) fn reversed(&self, value: &str, found: &mut Found<'_>) {
        if value.ends_with('.') && value.is_ascii() && value.len() <= host::LONGEST {
            let host: String = value.chars().rev().collect();
            self.web(&host, Cap::medium(Form::ReversedHost), 0, found);
        }
    }

    fn addresses(&self, value: &str, found: &mut Found<'_>) {
        if memchr::memchr(b'@', value.as_bytes()).is_some() {
            for address in value.split([',', ';']) {
                self.mail(address, Cap::NONE, found);
            }
        }
    }

    fn process(&self, value: &str, found: &mut Found<'_>) {
        let value = name::process(value);
        if value.starts_with('/') {
            let canonical = path::canonical(value, self.platform);
            let base = value.trim_end_matches('/').rsplit('/').next().unwrap_or(value);
            let cap = if path::is_system(&canonical, self.platform) { Cap::CONTEXT } else { Cap::NONE };
            // Records cut names, not paths.
            self.whole_process_name(name::process(base), cap, found);
            self.app_id(base, found);
            self.path(value, Cap::NONE, found);
        } else if let Some((process, bundle)) = value.split_once('/') {
            // Network usage names `process/bundle`; containers are named `UUID/process`.
            let bundle = bundle.rsplit('/').next().unwrap_or(bundle);
            for side in [process, bundle] {
                self.process_name(side, Cap::NONE, found);
                self.app_id(side, found);
            }
        } else {
            self.process_name(value, Cap::NONE, found);
            self.app_id(value, found);
        }
    }

    fn process_name(&self, written: &str, cap: Cap, found: &mut Found<'_>) {
        let name = name::process(written);
        self.whole_process_name(name, cap, found);
        if name::truncation_lengths(self.platform).contains(&name.len())
            && let Some(ids) = self.index.truncated.get(name)
        {
            let note = name::truncated_note(name);
            add_all(Some(ids), cap, (Strength::Weak, Form::Truncated), name, note, found);
        }
    }

    fn whole_process_name(&self, name: &str, cap: Cap, found: &mut Found<'_>) {
        if let Some(ids) = self.index.processes.get(name) {
            let note = if cap.strength == Strength::Weak {
                "the program lies where only the system's own programs are"
            } else {
                name::process_note(name)
            };
            add_all(Some(ids), cap, CERTAIN, name, note, found);
        }
    }

    fn path_or_url(&self, value: &str, found: &mut Found<'_>) {
        let is_url = host::scheme(value)
            .is_some_and(|(scheme, rest)| rest.starts_with("//") && !scheme.eq_ignore_ascii_case("file"));
        if !is_url {
            return self.path(value, Cap::NONE, found);
        }
        self.url(value, found);
        let path = value.split(['?', '#']).next().unwrap_or(value);
        let base = path.rsplit('/').next().unwrap_or(path);
        for (id, rule) in self.index.components.get(base).into_iter().flatten() {
            if matches!(rule, ComponentRule::FileName) {
                found.add(*id, Cap::CONTEXT, CERTAIN, base, "the name of a file in a URL");
            }
        }
    }

    /// One look-up a component; the rules under its name say what the rest of the path must be.
    pub(super) fn path(&self, value: &str, cap: Cap, found: &mut Found<'_>) {
        let path = path::canonical(value, self.platform);
        let mut start = 1;
        while let Some(rest) = path.get(start..).filter(|rest| !rest.is_empty()) {
            let component = rest.split('/').next().unwrap_or(rest);
            let end = start + component.len();
            if let Some(rules) = self.index.components.get(component) {
                let (upto, is_last) = (path.get(..end).unwrap_or(""), end == path.len());
                for (id, rule) in rules {
                    if let Some((how, note)) = component_rule(rule, upto, is_last) {
                        let matched = if matches!(rule, ComponentRule::FileName | ComponentRule::Process) {
                            component
                        } else {
                            value
                        };
                        found.add(*id, cap, how, matched, note);
                    }
                }
            }
            if !self.index.names.is_empty() {
                self.hosts_in_component(component, cap, found);
            }
            start = end + 1;
        }
    }

    fn hosts_in_component(&self, component: &str, cap: Cap, found: &mut Found<'_>) {
        if memchr::memchr(b'.', component.as_bytes()).is_none() {
            return;
        }
        for origin in path::webkit_origins(component) {
            if let Some(Host::Name(name)) = host::canonical(origin) {
                let cap = cap.and(Cap { strength: Strength::Strong, form: Form::WebkitOrigin });
                // The folder says which form it is, sub-domain or not.
                let mut inner = Found::new(component);
                self.names(&name, origin, cap, "", &mut inner);
                for hit in inner.hits.into_values() {
                    let form = if hit.strength == Strength::Strong { cap.form } else { hit.form };
                    found.add(hit.indicator, cap, (hit.strength, form), origin, hit.note);
                }
            }
        }
        for part in component.split('_') {
            let top = part.rsplit('.').next().unwrap_or(part);
            let is_host = part.len() > top.len() && self.index.tops.contains(&*host::lower(top));
            if is_host && let Some(Host::Name(name)) = host::canonical(part) {
                self.names(
                    &name,
                    part,
                    cap.and(Cap::CONTEXT),
                    "a file or folder is named like this host",
                    found,
                );
            }
        }
    }

    fn digest(&self, value: &str, found: &mut Found<'_>) {
        if let Some(digest) = name::digest(value) {
            add_all(self.index.digests.get(&*digest), Cap::NONE, CERTAIN, value, "", found);
        }
    }

    fn app_id(&self, value: &str, found: &mut Found<'_>) {
        if self.index.apps.is_empty() {
            return;
        }
        let whole = host::trim(value);
        let id = name::app_id(whole);
        let stripped = (id.len() < whole.len()).then_some(id);
        for id in [Some(whole), stripped].into_iter().flatten() {
            add_all(self.index.apps.get(id), Cap::NONE, CERTAIN, id, "", found);
            let lower = host::lower(id);
            let how = (Strength::Weak, Form::CaseDiffers);
            add_all(self.index.apps_lower.get(&*lower), Cap::NONE, how, id, "", found);
        }
    }

    fn profile(&self, value: &str, found: &mut Found<'_>) {
        let profile = name::profile(value);
        add_all(self.index.profiles.get(&*profile), Cap::NONE, CERTAIN, value, "", found);
        // Few indicators and few such fields: each is looked for in the longer id.
        for (indicator, ids) in &self.index.profiles {
            let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let is_inside = indicator.len() >= 8
                && profile.len() > indicator.len()
                && profile.match_indices(&**indicator).any(|(start, inside)| {
                    let before = profile.get(..start).and_then(|before| before.chars().next_back());
                    let after = profile.get(start + inside.len()..).and_then(|after| after.chars().next());
                    !is_word(before) && !is_word(after)
                });
            if is_inside {
                let note = "the id stands inside a longer one";
                add_all(Some(ids), Cap::NONE, (Strength::Weak, Form::Contains), value, note, found);
            }
        }
    }

    fn property(&self, value: &str, found: &mut Found<'_>) {
        let value = host::trim(value);
        add_all(self.index.properties.get(value), Cap::NONE, CERTAIN, value, "", found);
        let how = (Strength::Weak, Form::CaseDiffers);
        add_all(self.index.properties_lower.get(&*host::lower(value)), Cap::NONE, how, value, "", found);
    }
}

fn component_rule(
    rule: &ComponentRule,
    upto: &str,
    is_last: bool,
) -> Option<((Strength, Form), &'static str)> {
    match rule {
        ComponentRule::Absolute(path) if **path == *upto => {
            Some((if is_last { CERTAIN } else { (Strength::Strong, Form::BelowPath) }, ""))
        }
        ComponentRule::Relative(path) => upto
            .strip_suffix(&**path)
            .filter(|before| before.ends_with('/'))
            .map(|_| ((Strength::Medium, Form::PathSuffix), "")),
        ComponentRule::FileName if is_last => Some((CERTAIN, "")),
        ComponentRule::FileName => {
            Some(((Strength::Weak, Form::Component), "a folder is named like the file"))
        }
        ComponentRule::Process if is_last => {
            Some(((Strength::Weak, Form::BaseName), "a file is named like the process"))
        }
        ComponentRule::Absolute(_) | ComponentRule::Process => None,
    }
}

fn add_all(
    ids: Option<&Ids>,
    cap: Cap,
    how: (Strength, Form),
    matched: &str,
    note: &'static str,
    found: &mut Found<'_>,
) {
    for id in ids.into_iter().flatten() {
        found.add(*id, cap, how, matched, note);
    }
}
