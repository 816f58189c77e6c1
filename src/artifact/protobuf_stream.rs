//! Streams of protobuf messages as records: each message with its fields by number, damage as a warning.

use anyhow::Result;

use super::Out;
use crate::format::protobuf::{Field, Fields, Messages};
use crate::record::{Place, Value};

/// The fields of one message.
pub struct Message<'a> {
    fields: Vec<(u64, Field<'a>)>,
}

/// Fields kept of one message.
const MOST_FIELDS: usize = 100_000;

impl<'a> Message<'a> {
    /// The fields up to damage, and what the damage is.
    pub fn read(bytes: &'a [u8]) -> (Message<'a>, Result<()>) {
        let mut fields = Vec::new();
        for field in Fields::new(bytes).take(MOST_FIELDS) {
            match field {
                Ok(field) => fields.push(field),
                Err(error) => return (Message { fields }, Err(error)),
            }
        }
        (Message { fields }, Ok(()))
    }

    fn of(&self, number: u64) -> impl Iterator<Item = Field<'a>> + '_ {
        self.fields.iter().filter(move |(known, _)| *known == number).map(|(_, field)| *field)
    }

    /// Of a field that stands more than once the last one counts, as in every reader.
    fn last(&self, number: u64) -> Option<Field<'a>> {
        self.of(number).last()
    }

    pub fn text(&self, number: u64) -> Value<'static> {
        self.last(number).and_then(Field::text).into()
    }

    pub fn bytes(&self, number: u64) -> Option<&'a [u8]> {
        self.last(number).and_then(Field::bytes)
    }

    /// The message in a field; an empty one where there is none.
    pub fn message(&self, number: u64) -> Message<'a> {
        Message::read(self.bytes(number).unwrap_or_default()).0
    }

    pub fn int(&self, number: u64) -> Value<'static> {
        self.last(number).and_then(Field::int).into()
    }

    pub fn boolean(&self, number: u64) -> Value<'static> {
        self.last(number).and_then(Field::boolean).into()
    }

    pub fn double(&self, number: u64) -> Value<'static> {
        self.last(number).and_then(Field::double).map_or(Value::Null, Value::Real)
    }

    /// Every text of a repeated field; empty ones are left out.
    pub fn texts(&self, number: u64) -> Vec<String> {
        self.of(number).filter_map(Field::text).filter(|text| !text.is_empty()).collect()
    }

    /// Every message of a repeated field, as far as it can be read.
    pub fn messages(&self, number: u64) -> Vec<Message<'a>> {
        self.of(number).filter_map(Field::bytes).map(|bytes| Message::read(bytes).0).collect()
    }
}

/// Gives each message of a stream with its place.
pub fn messages(stream: &[u8], out: &mut Out<'_>, mut each: impl FnMut(Place, &Message<'_>, &mut Out<'_>)) {
    for message in Messages::new(stream) {
        match message {
            Ok((offset, bytes)) => {
                let place = Place::Offset { offset };
                let (message, read) = Message::read(bytes);
                if let Err(error) = read {
                    out.warn(Some(place.clone()), format!("a record is damaged: {error:#}"));
                }
                each(place, &message, out);
            }
            Err(error) => out.warn(None, format!("the list {error:#}")),
        }
    }
}
