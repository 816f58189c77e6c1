use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.app_sizes",
    title: "Room that apps take",
    about: "How much room each app, its data and its cache took when the phone last counted, about once a day; also apps removed since then.",
    files: &["/dumpsys/diskstats"],
    columns: &[app_id("package"), int("app_bytes"), int("data_bytes"), int("cache_bytes")],
    shows: Trace::Installed,
    line: "{package} takes {app_bytes} bytes and its data {data_bytes}",
    parse: Parse::Text(parse),
};

/// Four lines with a JSON list each, which belong together by position.
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let mut names: Option<(u64, Vec<String>)> = None;
    let mut sizes: [Vec<i64>; 3] = Default::default();
    while let Some((number, line)) = lines.next()? {
        let Some((key, list)) = line.trim().split_once(": ") else { continue };
        let place = || Some(Place::Line { line: number });
        let index = ["App Sizes", "App Data Sizes", "Cache Sizes"].iter().position(|known| *known == key);
        if key == "Package Names" {
            match serde_json::from_str(list) {
                Ok(list) => names = Some((number, list)),
                Err(error) => out.warn(place(), format!("the names of packages are no list: {error}")),
            }
        } else if let Some(sizes) = index.and_then(|index| sizes.get_mut(index)) {
            match serde_json::from_str(list) {
                Ok(list) => *sizes = list,
                Err(error) => out.warn(place(), format!("{key} is no list of numbers: {error}")),
            }
        }
    }
    let Some((line, names)) = names else { return Ok(()) };
    let [app, data, cache] = sizes.map(|sizes| sizes.into_iter().map(Some).chain(std::iter::repeat(None)));
    for (name, ((app, data), cache)) in names.into_iter().zip(app.zip(data).zip(cache)) {
        out.push(Place::Line { line }, [name.into(), app.into(), data.into(), cache.into()]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "Data-Free: 1K / 2K total = 50% free\nPackage Names: [\"a.b\",\"c.d\"]\nApp Sizes: [10,20]\nApp Data Sizes: [1,2]\nCache Sizes: [3]\n";

    #[test]
    fn sizes_belong_to_the_names_at_their_position() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([
                {"package": "a.b", "app_bytes": 10, "data_bytes": 1, "cache_bytes": 3, "_line": "a.b takes 10 bytes and its data 1"},
                {"package": "c.d", "app_bytes": 20, "data_bytes": 2, "_line": "c.d takes 20 bytes and its data 2"},
            ])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        assert_eq!(rows_at(&ARTIFACT, "/dumpsys/diskstats", b"Package Names: [\"a\"").1.len(), 1);
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
