use crate::artifact::android_text::bounded;
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.usb_connections",
    title: "USB devices that were connected",
    about: "The last devices that were plugged into the phone and served it, such as keyboards and memory sticks; not the computers it was plugged into.",
    files: &["/dumpsys/usb"],
    columns: &[
        time("at", Epoch::Unix, Moment::Logged),
        text("device"),
        // As the service numbers it: 0 connected, 1 of a kind that is refused, 2 unreadable, -1 disconnected.
        int("mode"),
        // The numbers that makers and their products have.
        int("maker"),
        int("product"),
    ],
    shows: Trace::Mentioned,
    line: "USB device {maker}:{product} at {device}, mode {mode}",
    parse: Parse::Text(parse),
};

/// A tree of `name=value` and `name={`; each `connections={` is one.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut open: Option<(u64, HashMap<String, String>)> = None;
    while let Some((number, line)) = lines.next()? {
        let line = line.trim();
        if line == "connections={" {
            push(open.replace((number, HashMap::new())), out);
        } else if line == "}" || line.ends_with('{') {
            // What is deeper tells of sound and input alone.
            push(open.take(), out);
        } else if let (Some((_, fields)), Some((name, value))) = (&mut open, line.split_once('='))
            && fields.len() < 100
        {
            fields.entry(bounded(name).to_owned()).or_insert_with(|| bounded(value).to_owned());
        }
    }
    push(open, out);
    Ok(())
}

fn push(connection: Option<(u64, HashMap<String, String>)>, out: &mut Out<'_>) {
    let Some((line, fields)) = connection else { return };
    let text = |name| fields.get(name).map(String::as_str);
    let int = |name| text(name).and_then(|value| value.parse::<i64>().ok());
    if text("device_address").is_none() && int("timestamp").is_none() {
        return;
    }
    out.push(
        Place::Line { line },
        [
            int("timestamp").into(),
            text("device_address").into(),
            int("mode").into(),
            int("manufacturer").into(),
            int("product").into(),
        ],
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
USB MANAGER STATE (dumpsys usb):
{
  host_manager={
    num_connects=2
    connections={
      device_address=/dev/bus/usb/001/002
      mode=0
      timestamp=1700000000000
      manufacturer=1133
      product=49271
      is_headset={
        in=false
      }
    }
    connections={
      device_address=/dev/bus/usb/001/002
      mode=-1
      timestamp=1700000100000
    }
  }
}
";

    #[test]
    fn each_connection_is_told_with_its_time() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"at": "2023-11-14T22:13:20.000000+00:00", "device": "/dev/bus/usb/001/002", "mode": 0, "maker": 1133, "product": 49271,
                 "_line": "USB device 1133:49271 at /dev/bus/usb/001/002, mode 0"},
                {"at": "2023-11-14T22:15:00.000000+00:00", "device": "/dev/bus/usb/001/002", "mode": -1,
                 "_line": "USB device : at /dev/bus/usb/001/002, mode -1"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
