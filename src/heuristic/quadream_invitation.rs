use super::prelude::*;
use crate::artifact::Record;

pub const HEURISTIC: Heuristic = Heuristic {
    id: "quadream_invitation",
    title: "A calendar event named as those of QuaDream's exploit",
    looks_at: "Calendar events with exactly the title `Meeting` and the description `Notes`.",
    why_it_matters: "The ENDOFDAYS exploit of the vendor QuaDream reached iPhones through iCloud invitations to days long past, which \
        iOS accepted without asking or telling. Their events had this title and this description.",
    innocent_causes: "An event somebody named so. One that the owner made alone is nearly always that; an invitation from a \
        colleague to a coming day may be.",
    next_check: "Look at who sent the invitation and whether the event lay in the past when it was created. Then look at data usage and \
        crashes of that day.",
    references: &[
        "https://citizenlab.ca/2023/04/spyware-vendor-quadream-exploits-victims-customers/",
        "https://www.microsoft.com/en-us/security/blog/2023/04/11/dev-0196-quadreams-kingspawn-malware-used-to-target-civil-society-in-europe-north-america-the-middle-east-and-southeast-asia/",
    ],
    reads: &[Reads { artifact: "ios.calendar", keep }],
    check,
};

fn keep(record: &Record<'_>) -> bool {
    record.value("summary").as_text() == Some("Meeting") && record.value("description").as_text() == Some("Notes")
}

fn check(kept: &Kept, findings: &mut Vec<Finding>) {
    for exhibit in kept.of("ios.calendar") {
        let organiser = [exhibit.text("organiser"), exhibit.text("organiser_address"), exhibit.text("organiser_phone")]
            .into_iter()
            .find(|organiser| !organiser.is_empty());
        // An organiser whose record is gone still has its number in the event.
        let invited = (organiser.is_some() || exhibit.value("organiser_id").as_int().is_some_and(|id| id > 0))
            && !exhibit.value("organiser_is_self").is_true();
        let was_past = exhibit.time("created").zip(exhibit.time("ends")).is_some_and(|(created, ends)| created > ends);
        let by = organiser.unwrap_or("an unknown organiser");
        let (level, message) = match (invited, was_past) {
            (true, true) => {
                (Level::High, format!("an invitation by {by} to a day already past is named like those of QuaDream's exploit"))
            }
            (true, false) => (Level::High, format!("an invitation by {by} is named like those of QuaDream's exploit")),
            (false, true) => {
                (Level::Low, "an event on a day already past is named like those of QuaDream's exploit".to_owned())
            }
            (false, false) => {
                (Level::Informational, "an event without organiser is named like those of QuaDream's exploit".to_owned())
            }
        };
        let mut finding = Finding::of_rule(HEURISTIC.id, level, Trace::Received, message, exhibit);
        if invited && !was_past {
            finding.caveats.push("the event was not in the past when it was created, as those of the exploit were".into());
        }
        findings.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{json, judge, verdicts};
    use super::*;

    fn event(more: &serde_json::Value) -> (&'static str, serde_json::Value) {
        let mut columns = json!({"summary": "Meeting", "description": "Notes", "ends": "2021-03-01T10:00:00Z",
                                 "created": "2021-02-01T10:00:00Z"});
        columns.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("ios.calendar", columns)
    }

    #[test]
    fn invitations_are_grave_above_all_to_the_past() {
        let past = event(&json!({"organiser": "a@example.org", "organiser_is_self": false, "created": "2021-05-01T00:00:00Z"}));
        assert_eq!(
            verdicts(&HEURISTIC, &[past]),
            ["HIGH an invitation by a@example.org to a day already past is named like those of QuaDream's exploit"]
        );
        let coming = judge(&HEURISTIC, &[event(&json!({"organiser_id": 7}))]);
        assert_eq!((coming[0].level, coming[0].caveats.len()), (Level::High, 1));
    }

    #[test]
    fn what_the_owner_made_is_hardly_worth_a_word() {
        let own = event(&json!({"organiser": "me@example.org", "organiser_is_self": true, "organiser_id": 3}));
        let levels = |records: &[_]| judge(&HEURISTIC, records).iter().map(|finding| finding.level).collect::<Vec<_>>();
        assert_eq!(levels(&[own, event(&json!({"organiser_id": 0}))]), [Level::Informational; 2]);
        assert_eq!(levels(&[event(&json!({"created": "2021-05-01T00:00:00Z"}))]), [Level::Low]);
    }

    #[test]
    fn other_words_are_none() {
        let none = verdicts(
            &HEURISTIC,
            &[
                event(&json!({"summary": "meeting"})),
                event(&json!({"summary": "Editorial Meeting"})),
                event(&json!({"description": "Notes of last week"})),
                event(&json!({"description": null})),
            ],
        );
        assert_eq!(none, [""; 0]);
    }
}
