//! Keyed archives and the other nested property lists that device databases hold.

use plist::{Dictionary, Uid, Value};

/// A dictionary from pairs, in the order given.
pub fn dictionary<const N: usize>(pairs: [(&str, Value); N]) -> Dictionary {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// The binary form of a property list.
pub fn binary(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.to_writer_binary(&mut bytes).expect("writing to memory");
    bytes
}

fn uid(index: usize) -> Value {
    Value::Uid(Uid::new(index as u64))
}

/// The objects of an `NSKeyedArchiver` archive; the first one added is the root.
pub struct Archive {
    objects: Vec<Value>,
}

impl Archive {
    pub fn new() -> Archive {
        Archive { objects: vec![Value::from("$null")] }
    }

    pub fn add(&mut self, value: impl Into<Value>) -> Value {
        self.objects.push(value.into());
        uid(self.objects.len() - 1)
    }

    /// Keeps a place, for the root must come first and names what comes later.
    fn reserve(&mut self) -> usize {
        self.objects.push(Value::from(0));
        self.objects.len() - 1
    }

    /// Puts the root in the first place, which was kept for it.
    pub fn set_root(&mut self, root: Dictionary) {
        self.objects[1] = Value::Dictionary(root);
    }

    pub fn class(&mut self, names: &[&str]) -> Value {
        let classes = names.iter().map(|name| Value::from(*name)).collect::<Vec<_>>();
        self.add(Value::Dictionary(dictionary([
            ("$classname", Value::from(names[0])),
            ("$classes", Value::Array(classes)),
        ])))
    }

    fn url(&mut self, url: &str) -> Value {
        let relative = self.add(url);
        let class = self.class(&["NSURL", "NSObject"]);
        self.add(Value::Dictionary(dictionary([
            ("NS.base", uid(0)),
            ("NS.relative", relative),
            ("$class", class),
        ])))
    }

    pub fn finish(self) -> Vec<u8> {
        binary(&Value::Dictionary(dictionary([
            ("$version", Value::from(100_000)),
            ("$archiver", Value::from("NSKeyedArchiver")),
            ("$top", Value::Dictionary(dictionary([("root", uid(1))]))),
            ("$objects", Value::Array(self.objects)),
        ])))
    }
}

/// The payload of a message with a link preview.
pub fn rich_link(url: &str, original: &str, title: &str) -> Vec<u8> {
    let mut archive = Archive::new();
    let root = archive.reserve();
    let metadata = archive.reserve();
    let metadata_uid = uid(metadata);
    let root_class = archive.class(&["RichLink", "NSObject"]);
    archive.objects[root] = Value::Dictionary(dictionary([
        ("richLinkMetadata", metadata_uid),
        ("richLinkIsPlaceholder", Value::from(false)),
        ("$class", root_class),
    ]));
    let (url, original) = (archive.url(url), archive.url(original));
    let title = archive.add(title);
    let class = archive.class(&["LPLinkMetadata", "NSObject"]);
    archive.objects[metadata] = Value::Dictionary(dictionary([
        ("version", Value::from(1)),
        ("URL", url),
        ("originalURL", original),
        ("title", title),
        ("$class", class),
    ]));
    archive.finish()
}

/// The history of a Safari tab: four bytes of header, then a property list. Each entry is (address, original address, title).
pub fn tab_session(entries: &[(&str, &str, &str)]) -> Vec<u8> {
    let entries = entries.iter().map(|(url, original, title)| {
        Value::Dictionary(dictionary([
            ("SessionHistoryEntryURL", Value::from(*url)),
            ("SessionHistoryEntryOriginalURL", Value::from(*original)),
            ("SessionHistoryEntryTitle", Value::from(*title)),
            ("SessionHistoryEntryData", Value::Data(vec![0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])),
            ("SessionHistoryEntryShouldOpenExternalURLsPolicyKey", Value::from(1)),
        ]))
    });
    let entries: Vec<Value> = entries.collect();
    let history = dictionary([
        ("SessionHistoryCurrentIndex", Value::from(entries.len().saturating_sub(1) as u64)),
        ("SessionHistoryEntries", Value::Array(entries)),
        ("SessionHistoryVersion", Value::from(1)),
    ]);
    let mut bytes = vec![0, 0, 0, 2];
    bytes.extend(binary(&Value::Dictionary(dictionary([
        ("RenderTreeSize", Value::from(212)),
        ("SessionHistory", Value::Dictionary(history)),
    ]))));
    bytes
}

/// A shortcut of one action that fetches an address.
pub fn shortcut(url: &str) -> Vec<u8> {
    let action = |identifier: &str, parameters: Dictionary| {
        Value::Dictionary(dictionary([
            ("WFWorkflowActionIdentifier", Value::from(identifier)),
            ("WFWorkflowActionParameters", Value::Dictionary(parameters)),
        ]))
    };
    binary(&Value::Array(vec![
        action("is.workflow.actions.url", dictionary([("WFURLActionURL", Value::from(url))])),
        action("is.workflow.actions.downloadurl", dictionary([("WFHTTPMethod", Value::from("GET"))])),
    ]))
}

/// A shortcut of one action that shows a text.
pub fn shortcut_text(text: &str) -> Vec<u8> {
    binary(&Value::Array(vec![Value::Dictionary(dictionary([
        ("WFWorkflowActionIdentifier", Value::from("is.workflow.actions.gettext")),
        (
            "WFWorkflowActionParameters",
            Value::Dictionary(dictionary([("WFTextActionText", Value::from(text))])),
        ),
    ]))]))
}

/// The local attributes of a tab in `SafariTabs.db`; the time is in seconds since 2001.
pub fn tab_attributes(last_visit: &str, from_link: bool) -> Vec<u8> {
    binary(&Value::Dictionary(dictionary([
        ("LastVisitTime", Value::from(last_visit.parse::<f64>().expect("seconds"))),
        ("OpenedFromLink", Value::from(from_link)),
        ("TabIndex", Value::from(0)),
    ])))
}
