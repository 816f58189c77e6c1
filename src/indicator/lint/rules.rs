//! Every rule of the linter: its id, how grave it is, what it is called and why it matters. The one place for these facts.

use serde::Serialize;

/// How grave a lint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing, nothing wrong with it.
    Note,
    /// Probably not what its author wanted.
    Warning,
    /// Never matches, matches everything, or cannot be read.
    Error,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One check.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Never reused for anything else.
    pub id: &'static str,
    /// Unless the lint itself is graver or milder.
    pub severity: Severity,
    pub title: &'static str,
    pub explanation: &'static str,
}

macro_rules! rules {
    ($($name:ident $id:literal $severity:ident $title:literal $explanation:literal)*) => {
        $(pub static $name: Rule =
            Rule { id: $id, severity: Severity::$severity, title: $title, explanation: $explanation };)*
        /// All rules, by id.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    UNREADABLE "IND001" Error "the file cannot be read"
        "Damaged, binary, without any indicator, or over the size limit. What could be read before and after the damage is still checked."
    BAD_PATTERN "IND002" Error "the pattern cannot be read"
        "The text is not a STIX pattern; the column says where reading ended. The indicator is not used."
    UNSUPPORTED "IND003" Warning "not used by a scan"
        "Understood, but a single value cannot express it: an operator, a qualifier, a key or a pattern language that is not compared."
    OWN_KEY "IND004" Note "a key outside the STIX vocabulary"
        "A convention of publishers (`app:id`, `file:hashes.sha256`). It is read here and by MVT; other consumers may drop it."
    UNSOUND "IND005" Warning "against the form of the file"
        "A line, column or object that does not fit its file. It is passed over, or used as far as it can be."
    NOT_INDICATOR "IND006" Note "not an indicator"
        "Columns, objects or files that describe something else; they are passed over."
    ADDRESS_IN_DOMAIN "IND010" Error "a domain with more than a name"
        "A path, scheme, port, user name or blank in a domain field: other tools compare it with names and it never matches. Give a URL, or the name alone."
    SINGLE_LABEL "IND011" Error "not a host name"
        "One label, or an empty one, probably cut off. It is not used for hosts."
    UNKNOWN_TLD "IND012" Warning "a top-level domain that does not exist"
        "Misspelt, or a private name. Only exact names can match."
    PUBLIC_SUFFIX "IND013" Error "a public suffix"
        "Everybody registers names below it, so it would match countless strangers. It is not used."
    ADDRESS_AS_DOMAIN "IND014" Warning "an IP address as a domain"
        "It is read as an address here; other tools search it as text, where 1.2.3.4 also matches 11.2.3.45."
    SPELLING "IND015" Note "another spelling than the canonical one"
        "Upper case, a final dot, blanks or a wildcard. Tools that compare letters miss it."
    OTHER_SCRIPT "IND016" Note "a name in another script"
        "Shown in its own letters; a warning where they mix scripts or look like ASCII letters."
    WWW "IND017" Note "begins with www."
        "Tools that compare whole names never see the name without it. The bare name is matched here as context only."
    COVERED "IND018" Note "a parent domain is an indicator, too"
        "The parent already matches every name below it."
    DEFANGED "IND019" Note "defanged"
        "Written so that nobody clicks it. Lists are read all the same; a STIX pattern is compared as it stands and never matches."
    POPULAR "IND020" Error "a site that very many people use"
        "It would fire on clean phones. A warning where the name stands in a popularity list, but not near its top: sinkholes and resolvers put malicious names there, too."
    SHARED_PLATFORM "IND021" Warning "a host of a shared platform"
        "Right as a whole name. Shortened to its parent it would match every customer, and the name can pass to another customer."
    SHARED_HOST "IND022" Warning "a host that serves many customers"
        "The same name stands for others, too: a match says little."
    FILE_ENDING "IND023" Note "a top-level domain that files end in"
        "In text without a URL around it a file name looks the same; such matches are weak."
    RESERVED_ADDRESS "IND030" Error "an address that belongs to nobody"
        "Private, loopback, link-local, multicast, documentation or unspecified: every network has it. It is not used, or matches strangers."
    SHARED_ADDRESS "IND031" Warning "an address of a CDN or cloud"
        "Thousands of sites share it today, or another customer has it tomorrow. The host name is the better indicator."
    RESOLVER "IND032" Error "a public DNS resolver"
        "Every phone may talk to it."
    WIDE_NETWORK "IND033" Error "a network of very many addresses"
        "Wider than /16 (IPv4) or /32 (IPv6): it holds countless strangers."
    SHORT_NAME "IND040" Warning "a short process name"
        "Under six characters it occurs in other fields by chance; under three it is an error outside of a field for processes."
    SYSTEM_PROCESS "IND041" Warning "the name of a system process"
        "A clean phone of that platform runs it."
    NEAR_SYSTEM_PROCESS "IND042" Warning "nearly the name of a system process"
        "It differs by case or one character. Right if it is an imitation: a tool that folds case or compares loosely fires on the clean one."
    CUT_NAME "IND043" Warning "cut off, it is a system process"
        "Many records keep the first 16 characters of a name only, and there both are one."
    COMMON_WORD "IND044" Warning "an ordinary word"
        "Harmless programs have the same name."
    RELATIVE_PATH "IND050" Warning "a relative path"
        "It matches as the end of a path here; tools that compare whole paths never match it."
    GENERIC_PATH "IND051" Warning "a short path"
        "Fewer than three components, or a last one under five characters: harmless programs may choose it, too. Tools that compare beginnings of paths match every longer one."
    SAME_FILE "IND052" Note "the same file in another spelling"
        "Paths that lead through a link to one file, or a file name that a path already ends in."
    SYSTEM_FILE "IND053" Warning "a file of a clean system"
        "A clean system of that platform holds a file of this name. Give the whole path."
    BAD_HASH "IND060" Error "not a digest"
        "Not hexadecimal, or not of the length of the algorithm that the key names. It never matches."
    UPPER_HASH "IND061" Note "a digest in upper case"
        "Tools that compare letters miss it."
    HARMLESS_HASH "IND062" Error "the digest of harmless content"
        "An empty file, a test file: it lies on every system."
    TEST_CERTIFICATE "IND063" Error "a certificate whose key is public"
        "Anybody can sign with it, and thousands of harmless apps are."
    BAD_MAIL "IND070" Error "not an e-mail address"
        "It needs a name, one `@` and a domain. It never matches."
    FREE_MAIL "IND071" Note "an address of a free provider"
        "It says who, not where: strong in a field that names an account, weak elsewhere."
    SYSTEM_APP "IND072" Warning "the id of a system app, or nearly"
        "The namespace belongs to the system's maker. As an imitation it needs its installer or certificate beside it; equal to a system app it is an error."
    TWICE "IND080" Warning "the same value twice in a file"
        "The first is used."
    IN_OTHER_FILE "IND081" Note "the same value in another file"
        "Each match will name both."
    SAME_ID "IND082" Error "two objects with one id"
        "They are versions of each other by the standard: only one counts."
    SEVERAL_CAMPAIGNS "IND083" Note "a value of several campaigns"
        "A match names all of them; tools that keep one campaign for a value lose the others."
    DANGLING "IND084" Warning "a link to nothing"
        "An end of the relationship, or a member of the report, is not in the file."
    NO_CAMPAIGN "IND085" Warning "an indicator without a campaign"
        "No relationship and no report says whose it is: a match can only name the file."
    BARE_CAMPAIGN "IND086" Note "a campaign without description, or of a known name"
        "A match can say nothing more than its name; of two campaigns with one name nobody knows which is meant."
    BARE_INDICATOR "IND087" Note "no confidence, description or reference"
        "Whoever gets a match cannot look up why the value is malicious."
    VALIDITY "IND088" Warning "expired, or times that say nothing"
        "`valid_until` has passed, or `valid_from` is missing, in the future, or only the time at which the file was made."
    CONTRADICTION "IND089" Error "contradicts itself"
        "Revoked in one object and used by another, or valid until before it is valid from."
    NOT_INDEXED "IND090" Warning "file and index differ"
        "Tools that download by the index never get a file it lacks."
    CHANGED_SIZE "IND091" Warning "much smaller or larger than before"
        "More than a fifth of the values came or went since the file given with `--previous`: perhaps a mistake in making it."
    ON_CLEAN_PHONES "IND092" Error "matches a value of clean phones"
        "A line of the file given with `--clean` matches: the indicator would fire without cause."
    REVOKED "IND093" Warning "revoked"
        "Withdrawn by its publisher: it is still matched, at the lowest level."
}

/// The rule with this id, in any case.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id.eq_ignore_ascii_case(id)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_sorted_and_found() {
        assert!(RULES.is_sorted_by(|one, other| one.id < other.id));
        assert!(RULES.iter().all(|one| rule(one.id) == Some(one) && one.explanation.ends_with('.')));
        assert_eq!(rule("ind013").map(|rule| rule.title), Some("a public suffix"));
        assert_eq!(rule("IND999"), None);
    }
}
