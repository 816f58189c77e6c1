use crate::artifact::prelude::*;
use crate::format::cookies::read;

pub const ARTIFACT: Artifact = Artifact {
    id: "ios.cookies",
    title: "Cookies",
    about: "Sites that left a cookie in Safari or in an app, which the path tells.",
    files: &[
        "/private/var/**/Cookies.binarycookies",
        "/private/var/mobile/Library/Cookies/*.binarycookies",
        "/private/var/root/Library/Cookies/*.binarycookies",
    ],
    columns: &[
        time("created", Epoch::Mac, Moment::Created),
        time("expires", Epoch::Mac, Moment::Scheduled),
        host("host"),
        text("name"),
        text("cookie_path"),
        message("value"),
        boolean("secure"),
        boolean("http_only"),
    ],
    shows: Trace::Resolved,
    line: "cookie {name} of {host}",
    parse: Parse::Bytes { most: 64 << 20, parse },
};

fn parse(bytes: &[u8], out: &mut Out<'_>) -> Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    read(bytes, &mut |cookie| match cookie {
        Ok(cookie) => {
            let (secure, http_only) = (cookie.is_secure(), cookie.is_http_only());
            out.push(
                Place::Offset { offset: cookie.offset },
                [
                    Value::Real(cookie.created),
                    Value::Real(cookie.expires),
                    cookie.host.trim_start_matches('.').into(),
                    cookie.name.into(),
                    cookie.path.into(),
                    cookie.value.into(),
                    secure.into(),
                    http_only.into(),
                ],
            );
        }
        Err(problem) => out.warn(None, problem),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::testing::{json, rows_at, shake};
    use crate::format::cookies::testing::{file, named};

    #[test]
    fn cookies_name_their_host_without_its_dot() {
        let bytes = file(&[&[named(".a.example", "x")]]);
        let (records, warnings) = rows_at(&ARTIFACT, "/private/var/mobile/Library/Cookies/Cookies.binarycookies", &bytes);
        assert_eq!(
            records,
            json!([{"created": "2023-03-08T20:26:40.000000+00:00", "expires": "2023-03-08T20:28:20.000000+00:00",
                    "host": "a.example", "name": "x", "cookie_path": "/", "value": "v", "secure": true, "http_only": true,
                    "_line": "cookie x of a.example"}])
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        shake(&ARTIFACT, &bytes);
    }

    #[test]
    fn another_file_is_refused_and_an_empty_one_is_not() {
        assert_eq!(rows_at(&ARTIFACT, "/x", b"hello").1, ["is no file of cookies"]);
        assert!(rows_at(&ARTIFACT, "/x", b"").1.is_empty());
    }
}
