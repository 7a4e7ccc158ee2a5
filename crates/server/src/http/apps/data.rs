//! `GET /apps/{id}/resources/{rid}/data`: what a resource shows at the moment. Whether its table has the columns that
//! it names is found out here.

use serde_json::{Map, Value, json as value};
use store::app_resources::AppResource;
use store::records::Shape;
use store::records::aggregate::{
    AggregateError, Aggregation, Bucket, Function, Order, POINTS_MAX, aggregate,
};

use super::check::{limit_of, present};
use super::find_resource;
use crate::ctx::Ctx;
use crate::error::{ApiError, ApiResult, code};
use crate::http::answer::json;
use crate::http::extract::{ListQuery, Query};
use crate::http::{EDIT_TRIES, excerpt, others_came_between, records};

/// What the resource shows.
pub(in crate::http) async fn data(ctx: Ctx, Query(list): Query<ListQuery>) -> ApiResult {
    let resource = find_resource(&ctx).await?;
    let attributes: Map<String, Value> =
        serde_json::from_str(&resource.attributes).map_err(ApiError::internal)?;
    match resource.kind.as_str() {
        "table" => rows(&ctx, &attributes, list.q.as_deref()).await,
        "table_data" => figures(&ctx, &attributes).await,
        "textbox" => {
            json(&value!({"text": attributes.get("text").and_then(Value::as_str).unwrap_or_default()}))
        }
        "html" => {
            let content = attributes.get("html_content").and_then(Value::as_str).unwrap_or_default();
            json(&value!({"html_content": content}))
        }
        // A form and links between resources: what they show is what they are.
        _ => json(&shown_as_it_is(&resource, attributes)),
    }
}

fn shown_as_it_is(resource: &AppResource, attributes: Map<String, Value>) -> Value {
    value!({"type": resource.kind, "attributes": attributes})
}

fn refused(message: String) -> ApiError {
    ApiError::new(&code::APP_DATA_INVALID, message)
}

/// The filter of a resource: an object, or a text that is the JSON of one.
fn filter_of(attributes: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let parsed = match present(attributes, "rql") {
        None => return Ok(Map::new()),
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(other) => Some(other.clone()),
    };
    match parsed {
        Some(Value::Object(filter)) => Ok(filter),
        _ => {
            let rql = attributes.get("rql").map(ToString::to_string).unwrap_or_default();
            Err(refused(format!("`rql` is {}, which is no filter: it is a JSON object", excerpt(&rql))))
        }
    }
}

fn table_of(attributes: &Map<String, Value>) -> &str {
    attributes.get("table_name").and_then(Value::as_str).unwrap_or_default()
}

/// A page of the records that the resource's filter lets through; `q` narrows and orders them.
async fn rows(ctx: &Ctx, attributes: &Map<String, Value>, q: Option<&str>) -> ApiResult {
    let q = q.map(str::trim).filter(|q| !q.is_empty()).unwrap_or("{}");
    let invalid = |reason: String| ApiError::new(&code::QUERY_INVALID, format!("`q`: {reason}"));
    let mut q: Map<String, Value> = serde_json::from_str(q).map_err(|error| invalid(error.to_string()))?;
    let own = Value::Object(filter_of(attributes)?);
    let filter = match q.remove("filter").filter(|filter| !filter.is_null()) {
        Some(asked) => value!({"$and": [own, asked]}),
        None => own,
    };
    q.insert("filter".to_owned(), filter);
    records::list_of(ctx, table_of(attributes), Some(&Value::Object(q).to_string())).await
}

/// A number, or the points of a chart.
async fn figures(ctx: &Ctx, attributes: &Map<String, Value>) -> ApiResult {
    let is_chart = attributes.get("type").is_some_and(|kind| kind == "chart");
    let asked = asked(attributes, is_chart)?;
    let q = value!({"filter": filter_of(attributes)?}).to_string();
    for _ in 0..EDIT_TRIES {
        let shape = records::named(ctx, table_of(attributes)).await?;
        let shape = shape.reach(ctx.db(), Some(&q)).await?;
        let query = records::parse_q(&shape, Some(&q))
            .map_err(|error| refused(format!("`rql`: {}", error.message())))?;
        match aggregate(ctx.db(), &shape, &query, &asked).await {
            Ok(points) if is_chart => {
                let points: Vec<Value> = points
                    .into_iter()
                    .map(|point| value!({"x": point.x, "group": point.series, "value": as_written(point.y)}))
                    .collect();
                return json(
                    &value!({"type": "chart", "chart_type": attributes["chart_type"], "results": points}),
                );
            }
            Ok(points) => {
                let number = points.into_iter().next().map(|point| as_written(point.y)).unwrap_or_default();
                return json(&value!({"type": "number", "value": number}));
            }
            Err(AggregateError::Store(error)) => try_again(ctx, &shape, error).await?,
            Err(error) => return Err(refused(error.to_string())),
        }
    }
    Err(others_came_between("table"))
}

async fn try_again(ctx: &Ctx, shape: &Shape, error: store::StoreError) -> ApiResult<()> {
    records::may_try_again(ctx, shape, error).await
}

/// A number without a fraction as people write it.
fn as_written(number: Value) -> Value {
    const WHOLE_MAX: f64 = 9_007_199_254_740_991.0;
    let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() <= WHOLE_MAX);
    // The bound lets every such number be an integer.
    whole.map_or(number, |whole| Value::from(whole as i64))
}

fn asked(attributes: &Map<String, Value>, is_chart: bool) -> ApiResult<Aggregation<'_>> {
    let text = |name: &str| present(attributes, name).and_then(Value::as_str);
    let function = match text("aggregation_function").unwrap_or("count") {
        "avg" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        "median" => Function::Median,
        "sum" => Function::Sum,
        _ => Function::Count,
    };
    // A number has one column alone, which is the one that it is made of.
    let of = text("aggregation_column").or_else(|| text("column").filter(|_| !is_chart));
    if function != Function::Count && of.is_none() {
        return Err(refused(
            "`aggregation_column` is missing: it says which column is aggregated".to_owned(),
        ));
    }
    let x = text("column").filter(|_| is_chart);
    if is_chart && x.is_none() {
        return Err(refused("`column` is missing: it says whose values the chart tells apart".to_owned()));
    }
    Ok(Aggregation {
        function,
        of,
        x,
        series: text("group_by_column").filter(|_| is_chart),
        bucket: text("date_bucket").filter(|_| is_chart).and_then(bucket),
        with_empty: attributes.get("include_empty_values") == Some(&Value::Bool(true)),
        order: match text("sort_by") {
            Some("x-descending") => Order::XDescending,
            Some("y-ascending") => Order::YAscending,
            Some("y-descending") => Order::YDescending,
            _ => Order::XAscending,
        },
        limit: limit_of(attributes).unwrap_or(POINTS_MAX),
    })
}

fn bucket(word: &str) -> Option<Bucket> {
    Some(match word {
        "minutes_of_the_day" => Bucket::MinutesOfTheDay,
        "hour_of_the_day" => Bucket::HourOfTheDay,
        "day_of_the_week" => Bucket::DayOfTheWeek,
        "month_of_the_year" => Bucket::MonthOfTheYear,
        "quarter_of_the_year" => Bucket::QuarterOfTheYear,
        "hour" => Bucket::Hour,
        "day" => Bucket::Day,
        "week" => Bucket::Week,
        "month" => Bucket::Month,
        "quarter" => Bucket::Quarter,
        "year" => Bucket::Year,
        _ => return None,
    })
}
