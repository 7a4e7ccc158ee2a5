//! A folder with one file for each secret, as containers and service managers mount them.

use std::path::{Component, Path, PathBuf};

use secrets::Secret;
use tokio::io::AsyncReadExt as _;

use super::{SECRET_BYTES_MAX, SecretError};

pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(path: &str) -> Self {
        Self(PathBuf::from(path))
    }

    /// The content of the file that the reference names, without line breaks at its end.
    pub(super) async fn read(&self, reference: &str) -> Result<Secret<String>, SecretError> {
        let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if reference.is_empty() || !Path::new(reference).components().all(is_plain) {
            return Err(SecretError::new(format!("`{reference}` names no file of the folder of secrets")));
        }
        let failed = |error: std::io::Error| {
            SecretError::new(format!("the secret `{reference}` cannot be read: {}", error.kind()))
        };
        let file = tokio::fs::File::open(self.0.join(reference)).await.map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(SECRET_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).await.map_err(failed)?;
        if bytes.len() > SECRET_BYTES_MAX {
            return Err(SecretError::new(format!(
                "the secret `{reference}` has more than {SECRET_BYTES_MAX} bytes"
            )));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| SecretError::new(format!("the secret `{reference}` is no text")))?;
        let text = Secret::new(text);
        Ok(Secret::new(text.expose().trim_end_matches(['\n', '\r']).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_of_the_folder_is_a_secret_and_nothing_else_is() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("secrets");
        std::fs::create_dir_all(folder.join("jira")).unwrap();
        std::fs::write(outside.path().join("out"), "out").unwrap();
        std::fs::write(folder.join("jira/token"), "s3cret\r\n").unwrap();
        std::fs::write(folder.join("long"), vec![b'x'; SECRET_BYTES_MAX + 1]).unwrap();
        std::fs::write(folder.join("most"), vec![b'x'; SECRET_BYTES_MAX]).unwrap();
        std::fs::write(folder.join("binary"), [0xff]).unwrap();
        let manager = Folder::new(folder.to_str().unwrap());
        assert_eq!(manager.read("jira/token").await.ok().unwrap().expose(), "s3cret");
        assert_eq!(manager.read("most").await.ok().unwrap().expose().len(), SECRET_BYTES_MAX);
        let absolute = outside.path().join("out");
        for (reference, part) in [
            ("", "names no file"),
            ("../out", "names no file"),
            ("jira/../../out", "names no file"),
            (absolute.to_str().unwrap(), "names no file"),
            ("none", "cannot be read: entity not found"),
            ("jira", "cannot be read: "),
            ("long", "has more than 65536 bytes"),
            ("binary", "is no text"),
        ] {
            let error = manager.read(reference).await.err().unwrap().to_string();
            assert!(error.contains(part), "{reference}: {error}");
        }
    }
}
