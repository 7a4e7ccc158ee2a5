//! `utility.EncodeBase64` and `utility.DecodeBase64`.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD, PAD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::inputs::{Inputs, invalid};
use crate::pure::Pure;
use crate::{ActionError, ActionSpec, InputType, Parameter};

/// The action that encodes.
pub(crate) struct EncodeBase64;

impl Pure for EncodeBase64 {
    fn describe() -> ActionSpec {
        let url_safe = "With `-` and `_` instead of `+` and `/`, and without `=` at the end.";
        ActionSpec {
            parameters: vec![
                Parameter::new("text", "Text", InputType::Textarea, "The text to encode.").required(),
                super::checkbox("url_safe", "URL-safe", url_safe, false),
            ],
            example_output: json!("aGVsbG8="),
            ..super::spec("EncodeBase64", "Encode Base64", "Writes the bytes of a text (UTF-8) in Base64.")
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let text = inputs.text("text")?;
        let engine =
            if inputs.flag("url_safe")? { URL_SAFE_NO_PAD } else { GeneralPurpose::new(&STANDARD, PAD) };
        Ok(engine.encode(text.as_bytes()).into())
    }
}

/// The action that decodes.
pub(crate) struct DecodeBase64;

impl Pure for DecodeBase64 {
    fn describe() -> ActionSpec {
        let description = "Reads Base64, also URL-safe and without its end. The output is a text; bytes that are \
                           no text are `encoding`, `content_type` and `data`, which a request's body takes as they \
                           are.";
        ActionSpec {
            parameters: vec![
                Parameter::new("base64", "Base64", InputType::Textarea, "The text to decode.").required(),
            ],
            example_output: json!("hello"),
            ..super::spec("DecodeBase64", "Decode Base64", description)
        }
    }

    fn compute(inputs: &Inputs<'_>) -> Result<Json, ActionError> {
        let mut text: String = inputs.text("base64")?.split_whitespace().collect();
        text.truncate(text.trim_end_matches('=').len());
        let url_safe = text.contains(['-', '_']);
        let tolerant = NO_PAD
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::RequireNone);
        let engine = GeneralPurpose::new(if url_safe { &URL_SAFE } else { &STANDARD }, tolerant);
        let bytes = engine.decode(&text);
        let bytes = bytes.map_err(|error| invalid(&format!("input `base64` is not Base64: {error}")))?;
        Ok(String::from_utf8(bytes).map_or_else(
            |error| {
                let data = GeneralPurpose::new(&STANDARD, PAD).encode(error.as_bytes());
                json!({"encoding": "base64", "content_type": "application/octet-stream", "data": data})
            },
            Json::from,
        ))
    }
}
