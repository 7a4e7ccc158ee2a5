//! What the tests of all languages have in common.

use expr::{Context, Map, Rendering, Template, Value};

/// The program that `source` gives with `x` as that value.
pub(crate) fn program(rendering: Rendering, source: &str, x: Value) -> Result<String, String> {
    let scope = Map::from_iter([("x".into(), x)]);
    let mut rng = types::SeededRng::from_u64(1);
    let now = types::Timestamp::from_millis(1_767_323_045_000);
    let mut context = Context::new(&scope, now, &mut rng);
    let value = Template::parse(source)
        .and_then(|template| template.render_with(&mut context, rendering))
        .map_err(|error| error.explain(source))?;
    Ok(value.as_str().unwrap().to_owned())
}
