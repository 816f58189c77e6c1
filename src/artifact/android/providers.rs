use crate::artifact::android_text::{bare, bounded, indent, is_foreign, package_of};
use crate::artifact::prelude::*;

pub const ARTIFACT: Artifact = Artifact {
    id: "android.providers",
    title: "Content providers",
    about: "Under which names apps offer their data to others.",
    files: &["/dumpsys/package"],
    columns: &[text("authority"), app_id("package"), text("component")],
    shows: Trace::Installed,
    line: "provider {component} offers {authority}",
    parse: Parse::Text(parse),
};

/// `[org.example.authority]:` and `Provider{1a2b org.example.app/.Provider}` below `ContentProvider Authorities:`
fn parse(lines: &mut Lines<'_>, out: &mut Out<'_>) -> Result<()> {
    let (mut inside, mut authority) = (false, None);
    while let Some((number, line)) = lines.next()? {
        if line.trim().is_empty() || is_foreign(&line) {
            continue;
        }
        let text = line.trim();
        if indent(&line) == 0 {
            (inside, authority) = (text == "ContentProvider Authorities:", None);
        } else if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix("]:")) {
            authority = Some(bounded(name).to_owned()).filter(|_| inside);
        } else if let (Some(name), Some(provider)) = (&authority, text.strip_prefix("Provider{")) {
            let Some(component) = provider.split(' ').next_back().map(bare).filter(|component| component.contains('/')) else { continue };
            out.push(
                Place::Line { line: number },
                [name.as_str().into(), package_of(component).into(), bounded(component).into()],
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::*;

    const TEXT: &str = "\
Registered ContentProviders:
  org.example.app/.Provider:
    Provider{1a2b org.example.app/.Provider}

ContentProvider Authorities:
  [org.example.authority]:
    Provider{1a2b org.example.app/.Provider}
      applicationInfo=ApplicationInfo{1 org.example.app}

Key Set Manager:
  [org.example.no]:
    Provider{1a2b org.example.no/.Provider}
";

    #[test]
    fn authorities_are_told_with_who_offers_them() {
        assert_eq!(
            rows(&ARTIFACT, TEXT.as_bytes()),
            json!([{"authority": "org.example.authority", "package": "org.example.app", "component": "org.example.app/.Provider",
                    "_line": "provider org.example.app/.Provider offers org.example.authority"}])
        );
    }

    #[test]
    fn broken_text_never_panics() {
        shake(&ARTIFACT, TEXT.as_bytes());
    }
}
