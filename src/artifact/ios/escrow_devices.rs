use crate::artifact::prelude::*;

macro_rules! query {
    ($record:literal, $join:literal) => {
        concat!(
            "SELECT c.Z_PK, {c.ZSECUREBACKUPMETADATATIMESTAMP}, {c.ZDEVICENAME}, {c.ZDEVICEMODEL}, {c.ZDEVICEMID},
                    {c.ZDEVICEPLATFORM}, ", $record, "
             FROM ZESCROWCLIENTMETADATA c ", $join, " ORDER BY c.Z_PK"
        )
    };
}

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.escrow_devices",
    title: "Devices that keep the account's keys",
    about: "Devices whose passcode can restore the passwords that the Apple account keeps.",
    files: &[
        "/private/var/Keychains/*TrustedPeersHelper*.db",
        "/private/var/protected/**/*TrustedPeersHelper*.db",
    ],
    columns: &[
        time("kept", Epoch::Mac, Moment::Created),
        text("name"),
        text("model"),
        text("device_id"),
        int("platform"),
        text("serial"),
        text("build"),
    ],
    shows: Trace::Mentioned,
    line: "keys of the account kept by {name} {model} {serial}",
    parse: Parse::Sqlite {
        table: "ZESCROWCLIENTMETADATA",
        queries: &[
            query!("{m.ZSERIAL}, {m.ZBUILD}", "LEFT JOIN ZESCROWMETADATA m ON m.ZCLIENTMETADATA = c.Z_PK"),
            query!("{m.ZSERIAL}, {m.ZBUILD}", "LEFT JOIN ZESCROWMETADATA m ON m.Z_PK = c.ZESCROWMETADATA"),
            query!("NULL, NULL", ""),
        ],
    },
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows, shake, sqlite};

    const CLIENTS: &str = "CREATE TABLE ZESCROWCLIENTMETADATA (Z_PK INTEGER PRIMARY KEY, ZSECUREBACKUPMETADATATIMESTAMP, ZDEVICEMODEL,
            ZDEVICENAME, ZDEVICEMID, ZDEVICEPLATFORM, ZESCROWMETADATA);
        INSERT INTO ZESCROWCLIENTMETADATA VALUES (1, 588814410.5, 'iPhone14,5', 'Example', 'M-1', 1, 5), (2, NULL, NULL, NULL, NULL, NULL, NULL);";

    #[test]
    fn either_side_may_point_at_the_other() {
        let expected = json!([
            {"kept": "2019-08-29T23:33:30.500000+00:00", "name": "Example", "model": "iPhone14,5", "device_id": "M-1", "platform": 1,
             "serial": "SERIAL1", "build": "21B74", "_line": "keys of the account kept by Example iPhone14,5 SERIAL1"},
            {"_line": "keys of the account kept by   "},
        ]);
        let of_record = sqlite(&format!(
            "{CLIENTS} CREATE TABLE ZESCROWMETADATA (Z_PK INTEGER PRIMARY KEY, ZCLIENTMETADATA, ZSERIAL, ZBUILD);
             INSERT INTO ZESCROWMETADATA VALUES (5, 1, 'SERIAL1', '21B74');"
        ));
        assert_eq!(rows(&ARTIFACT, &of_record), expected);
        let of_client = sqlite(&format!(
            "{CLIENTS} CREATE TABLE ZESCROWMETADATA (Z_PK INTEGER PRIMARY KEY, ZSERIAL, ZBUILD);
             INSERT INTO ZESCROWMETADATA VALUES (5, 'SERIAL1', '21B74');"
        ));
        assert_eq!(rows(&ARTIFACT, &of_client), expected);
        assert_eq!(rows(&ARTIFACT, &sqlite(CLIENTS))[0]["name"], "Example");
        shake(&ARTIFACT, &of_record);
    }
}
