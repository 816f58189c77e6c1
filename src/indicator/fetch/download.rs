//! One file over HTTPS, bounded in size, time and redirects.

use std::io::Read;
use std::time::Duration;

use url::{Host, Url};

use super::Limits;

const MAX_REDIRECTS: usize = 5;
const CONNECT_TIME: Duration = Duration::from_secs(20);

pub(super) enum Got {
    Body(Body),
    /// It is still what the tag was given for.
    NotModified,
}

pub(super) struct Body {
    pub bytes: Vec<u8>,
    /// Behind all redirects.
    pub url: String,
    pub etag: String,
    pub last_modified: String,
}

/// Downloads `url`, unless it still has the tag `etag`.
pub(super) fn get(url: &str, etag: &str, limits: &Limits) -> Result<Got, String> {
    let mut url = Url::parse(url).map_err(|error| format!("not an address: {error}"))?;
    for _ in 0..=MAX_REDIRECTS {
        check(&url, limits)?;
        let mut response = request(&url, etag, limits)?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or("").to_owned()
        };
        match status {
            200 => {
                let (etag, last_modified) = (header("etag"), header("last-modified"));
                let bytes = body(&mut response, limits)?;
                return Ok(Got::Body(Body { bytes, url: url.into(), etag, last_modified }));
            }
            304 if !etag.is_empty() => return Ok(Got::NotModified),
            301 | 302 | 303 | 307 | 308 => {
                let next = url.join(&header("location"));
                let next = next.map_err(|error| format!("a redirect to no address: {error}"))?;
                if next.scheme() != url.scheme() {
                    return Err(format!("a redirect from {} to {}", url.scheme(), next.scheme()));
                }
                url = next;
            }
            status => return Err(format!("the server answered with status {status}")),
        }
    }
    Err(format!("more than {MAX_REDIRECTS} redirects"))
}

fn check(url: &Url, limits: &Limits) -> Result<(), String> {
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if limits.plain_loopback && is_loopback => Ok(()),
        _ => Err(format!("not an https address: {url}")),
    }
}

fn request(url: &Url, etag: &str, limits: &Limits) -> Result<ureq::http::Response<ureq::Body>, String> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // Each address is checked before it is asked.
        .max_redirects(0)
        .https_only(url.scheme() == "https")
        .timeout_global(Some(limits.time))
        .timeout_connect(Some(limits.time.min(CONNECT_TIME)))
        .max_response_header_size(64 << 10)
        .user_agent(concat!("hoofprint/", env!("CARGO_PKG_VERSION")));
    if url.scheme() == "http" {
        config = config.proxy(None);
    }
    let mut request = config.build().new_agent().get(url.as_str());
    if !etag.is_empty() {
        request = request.header("If-None-Match", etag);
    }
    request.call().map_err(|error| told(&error))
}

fn body(response: &mut ureq::http::Response<ureq::Body>, limits: &Limits) -> Result<Vec<u8>, String> {
    let promised = response.body().content_length();
    if promised.is_some_and(|bytes| bytes > limits.bytes) {
        return Err(too_large(limits));
    }
    let mut bytes = Vec::new();
    let mut reader = response.body_mut().as_reader().take(limits.bytes.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(|error| format!("the connection was cut or too slow: {error}"))?;
    let length = bytes.len() as u64;
    if length > limits.bytes {
        return Err(too_large(limits));
    }
    if promised.is_some_and(|promised| promised != length) {
        return Err("the connection was cut".into());
    }
    Ok(bytes)
}

fn too_large(limits: &Limits) -> String {
    format!("larger than {} bytes", limits.bytes)
}

fn told(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it took too long".into(),
        ureq::Error::HostNotFound => "the server's name is not known".into(),
        other => other.to_string(),
    }
}
