//! A table with one value a line, which the loader reads back without loss.

use std::io::{self, Write};

use super::Row;
use crate::indicator::intake::{platform_name, role_name};
use crate::indicator::set::{Platform, Role};

const COLUMNS: [&str; 10] = [
    "type",
    "value",
    "campaign",
    "vendor",
    "role",
    "platform",
    "note",
    "valid_from",
    "valid_until",
    "revoked",
];

pub(super) fn write(rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS)?;
    for row in rows {
        let role = if row.role == Role::Unstated { "" } else { role_name(row.role) };
        let platform = if row.platform == Platform::Any { "" } else { platform_name(row.platform) };
        let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        table.write_record([
            row.ioc.name(),
            &row.value,
            &super::one_line(&row.campaign.name),
            &super::one_line(&row.campaign.vendor),
            role,
            platform,
            &row.note,
            &time(row.valid_from),
            &time(row.valid_until),
            if row.revoked { "yes" } else { "" },
        ])?;
    }
    table.flush()
}
