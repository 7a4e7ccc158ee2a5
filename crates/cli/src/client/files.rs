//! Bodies that are files: sent while they are read, written while they come.

use std::io::{self, Read, Write};
use std::time::Duration;

use reqwest::{Body, Method, RequestBuilder};
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::{API_KEY_HEADER, Client, Query, Scope, failure, parse_answer};
use crate::exit::Exit;
use crate::failure::{Context as _, Outcome};

/// For a whole file either way.
const FILE_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);
/// Bytes that are read of a file at a time.
const CHUNK_BYTES: usize = 64 * 1024;

impl Client {
    /// `GET` below the workspace, whose answer goes to `output`.
    pub(crate) async fn download(
        &self,
        path: &[&str],
        query: Query<'_>,
        output: &mut impl Write,
    ) -> Outcome<()> {
        let request = self.request(Method::GET, path, query);
        let response = request.send().await.map_err(|error| failure::unreachable(self.address(), &error))?;
        let status = response.status();
        if !status.is_success() {
            let body = self.read(response).await?;
            return Err(self.refusal(status, &body));
        }
        let mut response = response;
        loop {
            let chunk =
                response.chunk().await.map_err(|error| failure::unreachable(self.address(), &error))?;
            let Some(chunk) = chunk else { break };
            output.write_all(&chunk).context(Exit::Failed, || "write the file".to_owned())?;
        }
        output.flush().context(Exit::Failed, || "write the file".to_owned())
    }

    /// `POST` below the workspace of what `input` holds.
    pub(crate) async fn upload(
        &self,
        path: &[&str],
        query: Query<'_>,
        input: Box<dyn Read + Send>,
    ) -> Outcome<Value> {
        let chunks = futures_util::stream::try_unfold(input, async |mut input| {
            // What comes from a pipe may take its time, and what was read is to be sent meanwhile.
            let read = spawn_blocking(move || {
                let mut chunk = vec![0; CHUNK_BYTES];
                let count = input.read(&mut chunk)?;
                chunk.truncate(count);
                Ok::<_, io::Error>((chunk, input))
            });
            let (chunk, input) = read.await.map_err(io::Error::other)??;
            Ok::<_, io::Error>((!chunk.is_empty()).then_some((chunk, input)))
        });
        let request = self.request(Method::POST, path, query).body(Body::wrap_stream(chunks));
        let response = request.send().await.map_err(|error| failure::unreachable(self.address(), &error))?;
        let status = response.status();
        let body = self.read(response).await?;
        if status.is_success() {
            parse_answer(&body, self.address())
        } else {
            Err(self.refusal(status, &body))
        }
    }

    fn request(&self, method: Method, path: &[&str], query: Query<'_>) -> RequestBuilder {
        let request =
            self.http.request(method, self.url(Scope::Workspace, path, query)).timeout(FILE_TIMEOUT);
        match &self.api_key {
            Some(key) => request.header(API_KEY_HEADER, key.clone()),
            None => request,
        }
    }
}
