//! Downloads from a server of this computer, which does everything that servers do wrong.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::*;

type Answers = Arc<Mutex<BTreeMap<String, Answer>>>;

#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    Tagged(Vec<u8>, &'static str),
    Status(u16),
    /// Fewer bytes than promised.
    Cut(Vec<u8>),
    Redirect(String),
    /// No length, and no end of it.
    Endless,
    /// A byte now and then.
    Slow,
    Promised(u64),
}

struct Server {
    address: String,
    answers: Answers,
}

impl Server {
    fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answers = Answers::default();
        let known = answers.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let known = known.clone();
                std::thread::spawn(move || drop(serve(stream, &known)));
            }
        });
        Server { address, answers }
    }

    fn answer(&self, path: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// An index of one set at this path.
    fn lists(&self, path: &str) {
        let index = format!(
            "indicators:\n  -\n    name: Set\n    type: download\n    download_url: {}{path}\n",
            self.address
        );
        self.answer("/indicators.yaml", Answer::Whole(index.into_bytes()));
    }

    fn fetch(&self, folder: &Path) -> Outcome {
        let limits = Limits { time: Duration::from_millis(1500), bytes: 100_000, plain_loopback: true };
        let mut outcomes = Vec::new();
        let now = "2024-05-06T07:08:09Z".parse().unwrap();
        let index = format!("{}/indicators.yaml", self.address);
        fetch(&index, folder, &limits, now, &mut |it| outcomes.push(it.outcome.clone())).unwrap();
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }
}

fn serve(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let path = request.split(' ').nth(1).unwrap_or("").to_owned();
    let mut tag = String::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("if-none-match")
        {
            tag = value.to_owned();
        }
    }
    let answer = answers.lock().unwrap().get(&path).cloned().unwrap_or(Answer::Status(404));
    let mut head = |status: &str, headers: &str| {
        write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n")
    };
    match answer {
        Answer::Whole(body) => {
            head("200 OK", &format!("Content-Length: {}\r\n", body.len()))?;
            stream.write_all(&body)
        }
        Answer::Tagged(_, known) if tag == known => head("304 Not Modified", ""),
        Answer::Tagged(body, tag) => {
            head("200 OK", &format!("Content-Length: {}\r\nETag: {tag}\r\n", body.len()))?;
            stream.write_all(&body)
        }
        Answer::Status(status) => head(&format!("{status} Sorry"), "Content-Length: 0\r\n"),
        Answer::Cut(body) => {
            head("200 OK", &format!("Content-Length: {}\r\n", body.len() + 500))?;
            stream.write_all(&body)
        }
        Answer::Redirect(to) => head("302 Found", &format!("Location: {to}\r\nContent-Length: 0\r\n")),
        Answer::Endless => {
            head("200 OK", "")?;
            loop {
                stream.write_all(&[b'x'; 4096])?;
            }
        }
        Answer::Slow => {
            head("200 OK", "Content-Length: 1000\r\n")?;
            loop {
                stream.write_all(b" ")?;
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        Answer::Promised(bytes) => head("200 OK", &format!("Content-Length: {bytes}\r\n")),
    }
}

fn bundle(domains: &[&str]) -> Vec<u8> {
    let objects: Vec<String> = domains
        .iter()
        .map(|domain| {
            format!(r#"{{"type":"indicator","id":"indicator--{domain}","pattern":"[domain-name:value='{domain}']"}}"#)
        })
        .collect();
    format!(r#"{{"type":"bundle","objects":[{}]}}"#, objects.join(",")).into_bytes()
}

/// Every file of a folder with its content.
#[expect(clippy::disallowed_methods, reason = "the test looks at what was stored")]
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_set_is_stored_with_its_provenance_and_its_changes_are_told() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new/sets");
    server.lists("/a/set.stix2");
    let body = bundle(&["a.example.com", "b.example.com"]);
    server.answer("/a/set.stix2", Answer::Tagged(body.clone(), "\"one\""));
    assert!(matches!(server.fetch(&folder), Outcome::New { values: 2 }));

    let stored = files(&folder);
    assert_eq!(stored.len(), 2, "{:?}", stored.keys());
    let (path, content) = stored.iter().find(|(path, _)| path.extension().unwrap() == "stix2").unwrap();
    assert_eq!(*content, body);
    let provenance: Provenance =
        serde_json::from_slice(&stored[&path.with_added_extension("provenance")]).unwrap();
    assert_eq!(provenance.url, format!("{}/a/set.stix2", server.address));
    assert_eq!((&*provenance.fetched, &*provenance.etag), ("2024-05-06T07:08:09.000000+00:00", "\"one\""));
    assert_eq!((provenance.values, &*provenance.sha256), (2, &*digest(&body)));
    // The folder can be given as indicators: the sidecar is none.
    let set = load(std::slice::from_ref(&folder), false).unwrap();
    assert_eq!((set.indicators.len(), set.skipped.len()), (2, 0));

    assert!(matches!(server.fetch(&folder), Outcome::Unchanged));
    server.answer("/a/set.stix2", Answer::Tagged(bundle(&["b.example.com", "c.example.com"]), "\"two\""));
    let Outcome::Updated { difference } = server.fetch(&folder) else { panic!() };
    assert_eq!(difference.added[0].value, "c.example.com");
    assert_eq!(difference.removed[0].value, "a.example.com");
    assert_eq!(files(&folder).len(), 2);
}

#[test]
fn whatever_goes_wrong_the_stored_set_stays() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    server.lists("/set.stix2");
    server.answer("/set.stix2", Answer::Whole(bundle(&["a.example.com"])));
    assert!(matches!(server.fetch(folder.path()), Outcome::New { values: 1 }));
    let stored = files(folder.path());
    let whole = bundle(&["a.example.com", "b.example.com"]);
    for (answer, says) in [
        (Answer::Status(404), "status 404"),
        (Answer::Status(500), "status 500"),
        (Answer::Status(304), "status 304"),
        (Answer::Cut(whole.clone()), "cut"),
        (Answer::Whole(whole[..whole.len() - 20].to_vec()), "damaged"),
        (Answer::Whole(b"<!doctype html><p>Sorry".to_vec()), "web page"),
        (Answer::Whole(b"evil.example.com\n".to_vec()), "no JSON"),
        (Answer::Whole(b"{\"type\":\"bundle\",\"objects\":[]}".to_vec()), "not a set"),
        (Answer::Whole(Vec::new()), "no JSON"),
        (Answer::Redirect("https://elsewhere.example/set.stix2".into()), "redirect from http to https"),
        (Answer::Redirect("http://203.0.113.9/set.stix2".into()), "not an https address"),
        (Answer::Redirect("file:///etc/passwd".into()), "redirect from http to file"),
        (Answer::Redirect("/set.stix2".into()), "more than 5 redirects"),
        (Answer::Endless, "larger than 100000 bytes"),
        (Answer::Promised(1 << 40), "larger than 100000 bytes"),
        (Answer::Slow, "too slow"),
    ] {
        server.answer("/set.stix2", answer);
        let Outcome::Failed { reason } = server.fetch(folder.path()) else { panic!("{says}") };
        assert!(reason.contains(says), "`{says}` is not in `{reason}`");
        assert_eq!(files(folder.path()), stored, "{says}");
    }
    server.answer("/set.stix2", Answer::Redirect("/moved/set.stix2".into()));
    server.answer("/moved/set.stix2", Answer::Whole(whole));
    assert!(matches!(server.fetch(folder.path()), Outcome::Updated { .. }));
}

#[test]
fn a_set_that_was_changed_by_hand_is_downloaded_whole() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    server.lists("/set.stix2");
    server.answer("/set.stix2", Answer::Tagged(bundle(&["a.example.com"]), "\"one\""));
    server.fetch(folder.path());
    let path = files(folder.path()).into_keys().find(|path| path.extension().unwrap() == "stix2").unwrap();
    #[expect(clippy::disallowed_methods, reason = "the test damages what was stored")]
    std::fs::write(&path, "nothing").unwrap();
    assert!(matches!(server.fetch(folder.path()), Outcome::New { values: 1 }));
}

#[test]
fn an_index_must_come_over_tls_and_name_sets() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let index = format!("{}/indicators.yaml", server.address);
    let now = Timestamp::UNIX_EPOCH;
    let refused =
        |limits: &Limits| fetch(&index, folder.path(), limits, now, &mut |_| {}).unwrap_err().to_string();
    assert!(refused(&Limits::default()).contains("not an https address"));
    let local = Limits { plain_loopback: true, ..Limits::default() };
    assert!(refused(&local).contains("status 404"));
    server.answer("/indicators.yaml", Answer::Whole(b"<html>".to_vec()));
    assert!(refused(&local).contains("it names no set"));
    let named = index.replace("127.0.0.1", "localhost");
    let error = fetch(&named, folder.path(), &local, now, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("not an https address"), "a name may lead anywhere: {error}");
}

#[test]
fn file_names_are_safe_and_differ() {
    assert!(file_name("https://h.example/../../etc/x.stix2?q=1").starts_with("h_example_______etc_x_"));
    assert_ne!(file_name("https://h.example/a/b.stix2"), file_name("https://h.example/a_b.stix2"));
    assert!(file_name("https://h.example/set").ends_with(".stix2"));
}
