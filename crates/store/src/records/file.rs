//! The value of an attachment field: a file of a record. As it is kept, the content's SHA-256 comes first, so that the
//! records that refer to a content are next to each other in the field's index.

use serde_json::{Value as Json, json};
use types::{AttachmentId, Timestamp};

use super::{Record, Shape};
use crate::tables::{FieldType, TableField};

/// A file of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id: another one with each file that is put there.
    pub id: AttachmentId,
    /// Without a folder.
    pub name: String,
    /// What kind of content it has.
    pub content_type: String,
    /// How many bytes that is.
    pub size_bytes: i64,
    /// The content's SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// When it was put there.
    pub created_at: Timestamp,
}

impl Attachment {
    /// The field's value.
    pub fn value(&self) -> Json {
        // `sha256` is the first member, and stays it: see `sha256_range`.
        json!({
            "sha256": self.sha256,
            "id": self.id,
            "name": self.name,
            "content_type": self.content_type,
            "size_bytes": self.size_bytes,
            "created_at": self.created_at.as_millis(),
        })
    }

    /// The file that a field's value says there is; none if it says nothing.
    pub fn of(value: &Json) -> Option<Self> {
        let text = |name: &str| value.get(name).and_then(Json::as_str);
        let number = |name: &str| value.get(name).and_then(Json::as_i64);
        Some(Self {
            id: text("id")?.parse().ok()?,
            name: text("name")?.to_owned(),
            content_type: text("content_type")?.to_owned(),
            size_bytes: number("size_bytes")?,
            sha256: text("sha256")?.to_owned(),
            created_at: Timestamp::from_millis(number("created_at")?),
        })
    }
}

impl Shape {
    /// The fields that hold files.
    pub fn files(&self) -> impl Iterator<Item = &TableField> {
        self.fields.iter().filter(|field| field.field_type == FieldType::Attachment)
    }

    /// The SHA-256 of each content that the record refers to by one of the fields that `is_meant`.
    pub fn contents_of(&self, record: &Record, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let meant = self.files().filter(|field| is_meant(&field.name));
        meant.filter_map(|field| sha256_of(record.values.get(&field.name)?)).collect()
    }
}

/// The SHA-256 of the content that a value refers to.
pub(super) fn sha256_of(value: &Json) -> Option<String> {
    value.get("sha256").and_then(Json::as_str).map(str::to_owned)
}

/// Values that refer to the content are from the first text on, and before the second one, in the order of bytes.
pub(crate) fn sha256_range(sha256: &str) -> [String; 2] {
    // `#` comes behind the quotation mark that ends the SHA-256.
    ["\"", "#"].map(|end| format!("{{\"sha256\":\"{sha256}{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_in_the_range_of_its_content_alone_and_leads_back_to_the_file() {
        let file = |sha256: &str| Attachment {
            id: AttachmentId::of_name("a"),
            name: "a \"b\".txt".to_owned(),
            content_type: "text/plain".to_owned(),
            size_bytes: 3,
            sha256: sha256.to_owned(),
            created_at: Timestamp::from_millis(7),
        };
        let [one, other] = ["a".repeat(64), format!("{}b", "a".repeat(63))];
        assert_eq!(Attachment::of(&file(&one).value()), Some(file(&one)));
        assert_eq!(Attachment::of(&Json::Null), None);
        for (sha256, of, expected) in [(&one, &one, true), (&one, &other, false), (&other, &one, false)] {
            let ([from, to], kept) = (sha256_range(of), file(sha256).value().to_string());
            assert_eq!(from <= kept && kept < to, expected);
        }
    }
}
