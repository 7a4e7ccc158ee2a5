//! What a version of an agent may be.

use serde_json::{Map, Value};

use super::model::{AgentModes, AgentVersion, VersionInput};
use crate::error::{ApiError, ApiResult, code};
use crate::http::excerpt;

/// Characters of each text of an agent.
pub(super) const TEXT_CHARS_MAX: usize = 50_000;
/// Workflows that an agent may run.
const ABILITIES_MAX: usize = 200;
/// Files that an agent knows.
const KNOWLEDGE_MAX: usize = 10;
/// Bytes of a whole version as JSON.
const VERSION_BYTES_MAX: usize = 1024 * 1024;
/// The one kind of ability.
const WORKFLOW: &str = "workflow";

impl VersionInput {
    /// The version that is to be saved, in place of `before`.
    ///
    /// # Errors
    /// `agent_invalid` with the member that cannot be so.
    pub(super) fn checked(self, before: &AgentVersion) -> ApiResult<AgentVersion> {
        let abilities = self.abilities.unwrap_or_default();
        if abilities.len() > ABILITIES_MAX {
            return Err(invalid(
                "abilities",
                format!("has {} entries; at most {ABILITIES_MAX}", abilities.len()),
            ));
        }
        for (place, ability) in abilities.iter().enumerate() {
            check_ability(place, ability)?;
        }
        let knowledge = self.knowledge.unwrap_or_else(|| before.knowledge.clone());
        if knowledge.len() > KNOWLEDGE_MAX {
            return Err(invalid(
                "knowledge",
                format!("has {} files; at most {KNOWLEDGE_MAX}", knowledge.len()),
            ));
        }
        let version = AgentVersion {
            role: text("role", self.role)?,
            constraints: text("constraints", self.constraints)?,
            abilities,
            knowledge,
            modes: modes(&self.modes.unwrap_or_default())?,
            avatar_style: text("avatar_style", self.avatar_style)?,
            avatar_color: text("avatar_color", self.avatar_color)?,
            avatar_logo: text("avatar_logo", self.avatar_logo)?,
        };
        Ok(version)
    }
}

impl AgentVersion {
    /// As it is stored.
    ///
    /// # Errors
    /// `agent_invalid` if it is too long.
    pub(super) fn stored(&self) -> ApiResult<String> {
        let text = serde_json::to_string(self).map_err(ApiError::internal)?;
        // In JSON a zero character is written out.
        if text.contains("\\u0000") {
            return Err(invalid("agent", "holds a zero character".to_owned()));
        }
        if text.len() > VERSION_BYTES_MAX {
            return Err(invalid("agent", format!("has more than {VERSION_BYTES_MAX} bytes as JSON")));
        }
        Ok(text)
    }
}

fn check_ability(place: usize, ability: &Map<String, Value>) -> ApiResult<()> {
    let member = |name: &str| format!("abilities[{place}].{name}");
    match ability.get("ability_id") {
        Some(Value::String(id)) if !id.is_empty() => {}
        _ => return Err(invalid(&member("ability_id"), "must be the id of a workflow".to_owned())),
    }
    match ability.get("type") {
        None => {}
        Some(Value::String(kind)) if kind == WORKFLOW => {}
        Some(other) => {
            let message = format!("is `{}`; known is `{WORKFLOW}`", excerpt(&shown(other)));
            return Err(invalid(&member("type"), message));
        }
    }
    for name in ["auto_approved", "summarize_output"] {
        if let Some(other) = ability.get(name).filter(|value| !value.is_boolean()) {
            let message = format!("is `{}`; it is true or false", excerpt(&shown(other)));
            return Err(invalid(&member(name), message));
        }
    }
    match ability.get("summarize_output_instructions") {
        None | Some(Value::String(_)) => Ok(()),
        Some(other) => {
            let message = format!("is `{}`; it is a text", excerpt(&shown(other)));
            Err(invalid(&member("summarize_output_instructions"), message))
        }
    }
}

/// What an agent may do; what is absent is false.
fn modes(given: &Map<String, Value>) -> ApiResult<AgentModes> {
    let flag = |name: &str| match given.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => {
            let message = format!("is `{}`; it is true or false", excerpt(&shown(other)));
            Err(invalid(&format!("modes.{name}"), message))
        }
    };
    let (chat_enabled, code_execution_enabled) = (flag("chat_enabled")?, flag("code_execution_enabled")?);
    Ok(AgentModes { chat_enabled, code_execution_enabled })
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A text of an agent; "" if it is absent.
pub(super) fn text(member: &str, text: Option<String>) -> ApiResult<String> {
    let text = text.unwrap_or_default();
    let chars = text.chars().count();
    if chars > TEXT_CHARS_MAX {
        return Err(invalid(member, format!("has {chars} characters; at most {TEXT_CHARS_MAX}")));
    }
    if text.contains('\0') {
        return Err(invalid(member, "holds a zero character".to_owned()));
    }
    Ok(text)
}

/// A member that cannot be so.
pub(super) fn invalid(member: &str, problem: String) -> ApiError {
    let fields: Map<String, Value> =
        [(member.to_owned(), Value::from(problem.clone()))].into_iter().collect();
    ApiError::new(&code::AGENT_INVALID, format!("`{member}` {problem}")).with_user_error("fields", fields)
}
