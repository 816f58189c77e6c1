use crate::artifact::android_text::{bounded, written};
use crate::artifact::prelude::*;
use crate::time::zoned;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.power_events",
    title: "Switched off and on (Samsung)",
    about: "When a Samsung phone was switched off, restarted and switched on, and for what reason. After an empty battery its clock may be wrong.",
    files: &["/data/log/power_off_reset_reason*.txt", "/data/log/eRR.p", "/data/system/users/service/**/eRR.p"],
    columns: &[
        // With a zone of its own where the line states one.
        time("at", Epoch::Local, Moment::Logged).rounded(Precision::Second),
        // `SHUTDOWN`, `REBOOT`, `ON`, `LPM` for charging while off, `KP` for a crash of the kernel.
        text("event"),
        text("state"),
        text("reason"),
        text("detail"),
    ],
    shows: Trace::Mentioned,
    line: "power: {event} {state} {reason} {detail}",
    parse: Parse::Text(parse),
};

/// `21:30:14  2026-01-10 21:30:14+0900 | SHUTDOWN |       | REASON: userrequested`; a head of `LOGM` and traces of calls stand between.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    while let Some((number, line)) = lines.next()? {
        let mut fields = line.splitn(4, '|').map(str::trim);
        let Some((time, event)) = fields.next().zip(fields.next()) else { continue };
        let Some(at) = date(time) else { continue };
        let (state, detail) = (fields.next(), fields.next().unwrap_or_default());
        let reason = detail.strip_prefix("REASON:").map(str::trim);
        let filled = |text: &&str| !text.is_empty();
        out.push(
            Place::Line { line: number },
            [
                at,
                bounded(event).into(),
                state.filter(filled).map(bounded).into(),
                reason.filter(filled).map(bounded).into(),
                Some(detail).filter(|detail| reason.is_none() && !detail.is_empty()).map(bounded).into(),
            ],
        );
    }
    Ok(())
}

/// The last two words of the first field; `None` where they are no date.
fn date(field: &str) -> Option<Value<'static>> {
    let mut words = field.split_whitespace().rev();
    let (clock, day) = (words.next()?, words.next()?);
    // The first bytes of the file stand before the first entry.
    let day = day.get(day.len().checked_sub(10)?..)?.replace('/', "-");
    let text = format!("{day} {clock}");
    let local = || Some(written(&text)).filter(|value| !value.is_null());
    zoned(&text).map(Value::from).or_else(local)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
LOGM\u{0}
24/04/07 09:47:09
reason : userrequested
java.lang.Exception: It is not an exception!!
21:30:14  2023-01-10 21:30:14+0900 | SHUTDOWN |       | REASON: userrequested
2023-01-10 21:35:22+0900 |    ON    | NP    | S901X / OFFSRC: PWRHOLD / RSTSTAT: PINRESET [213]
2023/01/10 22:35:22 | REBOOT
";

    #[test]
    fn events_are_told_with_their_reason_and_other_lines_passed_over() {
        let (records, warnings) = rows_timed(&ARTIFACT, "/data/log/power_off_reset_reason.txt", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records,
            json!([
                {"at": "2023-01-10T12:30:14.000000+00:00", "event": "SHUTDOWN", "reason": "userrequested",
                 "_line": "power: SHUTDOWN  userrequested "},
                {"at": "2023-01-10T12:35:22.000000+00:00", "event": "ON", "state": "NP",
                 "detail": "S901X / OFFSRC: PWRHOLD / RSTSTAT: PINRESET [213]",
                 "_line": "power: ON NP  S901X / OFFSRC: PWRHOLD / RSTSTAT: PINRESET [213]"},
                {"at": "2023-01-10T20:35:22.000000+00:00", "event": "REBOOT", "_line": "power: REBOOT   "},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
