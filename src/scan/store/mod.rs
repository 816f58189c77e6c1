//! The store of a scan: every value that an indicator could match, once, so that new indicators need neither the phone nor its records.
//!
//! It is text, one observable a line, sorted by kind and value, fields separated by tabs (`\t`, `\n`, `\r` and `\\` stand for themselves
//! in a field):
//!
//! ```text
//! #observables  {"schema_version":1,"acquisition":…,"device":{…}}
//! KIND  VALUE  ARTIFACT  COLUMN  FLAGS  COUNT  FIRST  LAST  PATH  WHERE  ARTIFACT  COLUMN …
//! #end  {"observables":…,"shortened":…}
//! ```
//!
//! Behind the value come eight fields for each column of an artifact that holds it. FLAGS are words separated by commas: `sent` if the
//! owner sent it, `recovered` if the row was gone, and the names of true columns that add a caveat to a finding. FIRST and LAST are a time
//! in UTC, a blank and the column of that time, or empty; PATH and WHERE are the place of the earliest record. Of messages there are the
//! pieces that name a host, address, app or digest; the words between them are not kept. Packing it and where it lies is the business of
//! whoever writes it.

mod check;
mod line;
mod take;

pub use check::{Checked, NotAStore, check, device_of};
pub use line::{Line, Sighting, footer, header};
pub use take::{FLAG_RECOVERED, FLAG_SENT, LONGEST_VALUE_BYTES, Taker, flag_words};

use crate::record::Kind;

/// Kinds of observables and their words, in the order of the file.
pub const KINDS: [(Kind, &str); 10] = [
    (Kind::Url, "url"),
    (Kind::Host, "host"),
    (Kind::Message, "message"),
    (Kind::Email, "email"),
    (Kind::Process, "process"),
    (Kind::Path, "path"),
    (Kind::Hash, "hash"),
    (Kind::AppId, "app-id"),
    (Kind::ProfileId, "profile-id"),
    (Kind::Property, "property"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_indicators_match_is_kept() {
        let of_columns = crate::artifact::all().iter().flat_map(|artifact| artifact.columns);
        for column in of_columns.filter(|column| super::super::sink::is_matched(column.kind)) {
            assert!(KINDS.iter().any(|(kind, _)| *kind == column.kind), "{:?}", column.kind);
        }
    }
}
