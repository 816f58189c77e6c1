use crate::artifact::prelude::*;
use crate::artifact::resolver_table;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.receivers",
    title: "Broadcast receivers",
    about: "Which apps are told of which events, such as an arriving message or the end of the start.",
    files: &["/dumpsys/package"],
    columns: resolver_table::COLUMNS,
    shows: Trace::Installed,
    line: "receiver {component} answers to {key} ({resolver_type})",
    parse: Parse::Text(|lines, out| resolver_table::parse("Receiver Resolver Table:", lines, out)),
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::{package_dump::EXAMPLE, testing::*};

    #[test]
    fn receivers_are_read_whatever_their_indentation() {
        let records = rows(&ARTIFACT, EXAMPLE.as_bytes());
        assert_eq!(
            records[0],
            json!({"resolver_type": "non_data_action", "key": "android.provider.Telephony.SMS_RECEIVED", "package_name": "com.example.sms",
                   "component": "com.example.sms/com.example.sms.Rx", "filter_count": 1,
                   "_line": "receiver com.example.sms/com.example.sms.Rx answers to android.provider.Telephony.SMS_RECEIVED (non_data_action)"})
        );
        assert_eq!(records.as_array().unwrap().len(), 2);
        let odd = "Receiver Resolver Table:\n  Non-Data Actions:\n               a.b.C:\n                 1a c.d/.E filter 2b\n                   Action: \"x\"\n";
        assert_eq!(rows(&ARTIFACT, odd.as_bytes())[0]["component"], "c.d/.E");
        shake(&ARTIFACT, EXAMPLE.as_bytes());
    }
}
