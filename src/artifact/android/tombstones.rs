use crate::artifact::prelude::*;
use crate::artifact::tombstone;
use crate::time::zoned;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.tombstones",
    title: "Crash reports of native code",
    about: "Programs that crashed, under which user and by what. Newer phones write each crash twice, as text and as `.pb`.",
    files: &["/data/tombstones/tombstone_*"],
    columns: &[
        time("crashed", Epoch::Unix, Moment::Crashed),
        process("program"),
        // Of the thread; cut to 15 characters.
        process("thread"),
        app_id("package"),
        message("command_line"),
        int("uid"),
        int("pid"),
        int("tid"),
        int("signal"),
        text("signal_name"),
        int("code"),
        text("code_name"),
        // Who sent the signal, if a program did.
        int("sender_pid"),
        int("sender_uid"),
        text("fault_address"),
        message("abort_message"),
        message("causes"),
        text("architecture"),
        text("selinux_label"),
        int("process_uptime_s"),
        text("fingerprint"),
        text("revision"),
    ],
    shows: Trace::Executed,
    line: "{program} ({thread}) of user {uid} crashed by {signal_name} {code_name}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    let crash = tombstone::read(out.path(), bytes)?;
    let crashed = crash.timestamp.as_deref().and_then(timestamp);
    if crash.timestamp.is_some() && crashed.is_none() {
        out.warn(None, "the time of the crash has an unknown form");
    }
    let program = crash.program();
    let is_package = |name: &&str| !name.contains(['/', '@']) && name.contains('.');
    let list = |texts: &[String]| if texts.is_empty() { Value::Null } else { texts.join(" ").into() };
    out.push(
        Place::Offset { offset: 0 },
        [
            crashed.into(),
            program.into(),
            crash.thread.as_deref().into(),
            program.filter(is_package).into(),
            list(&crash.command_line),
            crash.uid.into(),
            crash.pid.into(),
            crash.tid.into(),
            crash.signal.into(),
            crash.signal_name.as_deref().into(),
            crash.code.into(),
            crash.code_name.as_deref().into(),
            crash.sender_pid.into(),
            crash.sender_uid.into(),
            crash.fault_address.as_deref().into(),
            crash.abort_message.as_deref().into(),
            list(&crash.causes),
            crash.architecture.as_deref().into(),
            crash.label.as_deref().into(),
            crash.uptime_s.into(),
            crash.fingerprint.as_deref().into(),
            crash.revision.as_deref().into(),
        ],
    );
    Ok(())
}

/// Nanoseconds are cut off: the times of everything else end at microseconds.
pub(super) fn timestamp(text: &str) -> Option<jiff::Timestamp> {
    zoned(text).and_then(|time| jiff::Timestamp::from_microsecond(time.as_microsecond()).ok())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::artifact::testing::*;
    use crate::format::protobuf::testing::{bytes as block, int};

    pub const TEXT: &str = "\
*** *** *** *** *** *** *** *** *** *** *** *** *** *** *** ***
Build fingerprint: 'acme/phone/phone:13/TP1A/1:user/release-keys'
Revision: '0'
ABI: 'arm64'
Timestamp: 2025-03-04 10:20:30.123456789+0100
Process uptime: 40s
Cmdline: /system/bin/mediaserver -x
pid: 700, tid: 712, name: Codec thread  >>> /system/bin/mediaserver <<<
uid: 1013
signal 6 (SIGABRT), code -1 (SI_QUEUE), fault addr --------
Abort message: 'bad: value'

backtrace:
      #00 pc 000000000004f7e0  /apex/com.android.runtime/lib64/bionic/libc.so (abort+164) (BuildId: 00)
      #01 pc 0000000000001000  /data/local/tmp/x.so

memory map (2 entries):
    0000006f'00000000-0000006f'00000fff r-x         0      1000  /memfd:jit-cache (deleted) (BuildId: 00)
--->0000006f'00001000-0000006f'00001fff rw-         0      1000  /data/local/tmp/x.so

open files:
    fd 0: /dev/null (unowned)
    fd 5: /data/a b (deleted) (owned by FILE* 0x1)
--- --- --- --- --- --- --- --- --- --- --- --- --- --- --- ---
pid: 700, tid: 700, name: mediaserver  >>> /system/bin/mediaserver <<<
--------- log main
";

    pub fn protobuf() -> Vec<u8> {
        let frame = block(6, b"/data/local/tmp/x.so");
        let thread = [int(1, 712), block(2, b"Codec thread"), block(4, &frame)].concat();
        [
            int(1, 1),
            block(2, b"acme/phone/phone:13/TP1A/1:user/release-keys"),
            block(3, b"0"),
            block(4, b"2025-03-04 10:20:30.123456789+0100"),
            int(5, 700),
            int(6, 712),
            int(7, 1013),
            block(8, b"u:r:mediaserver:s0\0"),
            block(9, b"/system/bin/mediaserver"),
            block(9, b"-x"),
            block(10, [int(1, 6), block(2, b"SIGABRT"), int(3, u64::MAX), block(4, b"SI_QUEUE")].concat()),
            block(14, b"bad: value"),
            block(16, [int(1, 712), block(2, &thread)].concat()),
            block(17, [int(6, 1), block(7, b"/memfd:jit-cache (deleted)")].concat()),
            block(19, [int(1, 5), block(2, b"/dev/null")].concat()),
            int(20, 40),
        ]
        .concat()
    }

    #[test]
    fn the_first_thread_of_a_text_is_the_crashed_one() {
        let (records, warnings) = rows_at(&ARTIFACT, "/data/tombstones/tombstone_00", TEXT.as_bytes());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(
            records[0],
            json!({
                "crashed": "2025-03-04T09:20:30.123456+00:00", "program": "/system/bin/mediaserver", "thread": "Codec thread",
                "command_line": "/system/bin/mediaserver -x", "uid": 1013, "pid": 700, "tid": 712, "signal": 6, "signal_name": "SIGABRT",
                "code": -1, "code_name": "SI_QUEUE", "abort_message": "bad: value", "architecture": "arm64", "process_uptime_s": 40,
                "fingerprint": "acme/phone/phone:13/TP1A/1:user/release-keys", "revision": "0",
                "_line": "/system/bin/mediaserver (Codec thread) of user 1013 crashed by SIGABRT SI_QUEUE",
            })
        );
        shake(&ARTIFACT, TEXT.as_bytes());
    }

    #[test]
    fn protobuf_tells_the_same() {
        let text = rows_at(&ARTIFACT, "/data/tombstones/tombstone_00", TEXT.as_bytes()).0;
        let (mut records, warnings) = rows_at(&ARTIFACT, "/data/tombstones/tombstone_00.pb", &protobuf());
        assert!(warnings.is_empty(), "{warnings:?}");
        let label = records[0].as_object_mut().unwrap().remove("selinux_label");
        assert_eq!(label, Some(json!("u:r:mediaserver:s0")));
        assert_eq!(records, text);
        let bytes = protobuf();
        for cut in 0..bytes.len() {
            rows_at(&ARTIFACT, "/data/tombstones/tombstone_00.pb", &bytes[..cut]);
        }
    }

    #[test]
    fn old_and_odd_texts_keep_what_they_have() {
        let text = "pid: 5, tid: 5, name: x  >>> com.example.a:r <<<\nsignal 11 (SIGSEGV), code 0 (SI_USER from pid 7, uid 0), fault addr 0x10\nCause: null pointer dereference\n    Caused by: other\n";
        let record = &rows_at(&ARTIFACT, "/data/tombstones/tombstone_01", text.as_bytes()).0[0];
        assert_eq!((&record["code_name"], &record["sender_pid"], &record["sender_uid"]), (&json!("SI_USER"), &json!(7), &json!(0)));
        assert_eq!((&record["package"], &record["causes"]), (&json!("com.example.a:r"), &json!("null pointer dereference")));
        assert_eq!(record["fault_address"], "0x10");
        let odd = |bytes: &[u8]| rows_at(&ARTIFACT, "/data/tombstones/tombstone_02", bytes).1;
        assert_eq!(odd(b"\0\0"), ["is empty"]);
        assert_eq!(odd(b"hello"), ["is no report of a crash"]);
    }
}
