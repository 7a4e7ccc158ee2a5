//! `utility.GetEpochTime` and the actions that convert dates.

use serde_json::{Value as Json, json};

use crate::{check, check_fails};

#[tokio::test]
async fn the_epoch_time_is_now_or_that_of_a_date() {
    let action = "utility.GetEpochTime";
    check(action, json!({}), json!(1_700_000_000)).await;
    check(action, json!({"unit": "Milliseconds"}), json!(1_700_000_000_500_u64)).await;
    check(action, json!({"date_time": ""}), json!(1_700_000_000)).await;
    for (date, seconds) in [
        (json!("2026-01-02T03:04:05Z"), 1_767_323_045),
        (json!("2026-01-02T03:04:05.9+02:00"), 1_767_315_845),
        (json!("2026-01-02 03:04"), 1_767_323_040),
        (json!("2026-01-02"), 1_767_312_000),
        (json!("Fri, 2 Jan 2026 03:04:05 +0000"), 1_767_323_045),
        (json!("2026-01-02T03:04:05+01:00[Europe/Zurich]"), 1_767_319_445),
        (json!(1_767_323_045), 1_767_323_045),
        (json!(1_767_323_045_999_u64), 1_767_323_045),
        (json!("1969-12-31T23:59:59.5Z"), -1),
    ] {
        check(action, json!({"Date and time": date}), json!(seconds)).await;
    }
    let local = json!({"date_time": "2026-07-01 12:00", "timezone": "Europe/Zurich"});
    check(action, local, json!(1_782_900_000)).await;
}

#[tokio::test]
async fn what_is_no_date_is_refused() {
    let message = "input `date_time` is no date that can be read: `soon`; write it as `2026-01-02T03:04:05Z`";
    check_fails("utility.GetEpochTime", json!({"date_time": "soon"}), message).await;
    let message =
        "input `date_time` is no date that can be read: `2026-02-30`; write it as `2026-01-02T03:04:05Z`";
    check_fails("utility.GetEpochTime", json!({"date_time": "2026-02-30"}), message).await;
    let message = "input `unit` must be one of `seconds`, `milliseconds`, not `weeks`";
    check_fails("utility.GetEpochTime", json!({"unit": "weeks"}), message).await;
    let message =
        "input `timezone` must be a time zone such as `Europe/Zurich`, `UTC` or `+02:00`, not `Mars/Base`";
    check_fails("utility.GetEpochTime", json!({"timezone": "Mars/Base"}), message).await;
    let message = "input `date_time` has more than 1000 characters";
    check_fails("utility.GetEpochTime", json!({"date_time": "1".repeat(1001)}), message).await;
}

#[tokio::test]
async fn a_count_becomes_a_date() {
    let action = "utility.ConvertEpochToDate";
    check(action, json!({"epoch": 1_767_323_045}), json!("2026-01-02T03:04:05Z")).await;
    check(action, json!({"epoch": "1767323045.5"}), json!("2026-01-02T03:04:05.5Z")).await;
    let milliseconds = json!({"epoch": 1_767_323_045_120_u64, "unit": "milliseconds"});
    check(action, milliseconds, json!("2026-01-02T03:04:05.12Z")).await;
    let zurich = json!({"epoch": 0, "timezone": "Europe/Zurich", "format": "%d.%m.%Y %H:%M %Z"});
    check(action, zurich, json!("01.01.1970 01:00 CET")).await;
    let message =
        "input `epoch` must be a number of seconds since 1970 up to the year 9999, not `1767323045120`";
    check_fails(action, json!({"epoch": 1_767_323_045_120_u64}), message).await;
    check_fails(action, json!({}), "input `epoch` is missing").await;
}

#[tokio::test]
async fn a_date_is_written_in_another_way() {
    let action = "utility.ConvertDateFormat";
    let date = "2026-01-02T03:04:05+02:00";
    for (format, expected) in [
        ("rfc 3339", json!("2026-01-02T03:04:05+02:00")),
        ("RFC2822", json!("Fri, 2 Jan 2026 03:04:05 +0200")),
        ("epoch seconds", json!(1_767_315_845)),
        ("epoch milliseconds", json!(1_767_315_845_000_u64)),
        ("%A, %d %B %Y", json!("Friday, 02 January 2026")),
    ] {
        check(action, json!({"date": date, "output_format": format}), expected).await;
    }
    let read = |date: &str, format: &str| json!({"date": date, "input_format": format});
    check(action, read("02/01/2026", "%d/%m/%Y"), json!("2026-01-02T00:00:00Z")).await;
    check(
        action,
        read("02/Jan/2026:03:04:05 -0500", "%d/%b/%Y:%H:%M:%S %z"),
        json!("2026-01-02T03:04:05-05:00"),
    )
    .await;
    check(action, read("1767323045", "%s"), json!("2026-01-02T03:04:05Z")).await;
    let message = "input `output_format` must be `RFC 3339`, `RFC 2822`, `epoch seconds`, `epoch milliseconds`, or a \
                   pattern with the signs of strftime, such as `%Y-%m-%d %H:%M`. It is `DD/MM`";
    check_fails(action, json!({"date": date, "output_format": "DD/MM"}), message).await;
}

#[tokio::test]
async fn a_pattern_that_does_not_fit_is_refused() {
    let fails = async |inputs: Json, beginning: &str| {
        let error = crate::run("utility.ConvertDateFormat", inputs).await.unwrap_err();
        assert!(error.message.starts_with(beginning), "{}", error.message);
    };
    let inputs = json!({"date": "2026", "input_format": "%d/%m/%Y"});
    fails(inputs, "input `date` is no date that can be read: `2026`; ").await;
    let inputs = json!({"date": "2026", "input_format": "%Y"});
    fails(inputs, "input `date` is no date that can be read: `2026`; the pattern `%Y` gives no date").await;
    let inputs = json!({"date": "2026-01-01", "output_format": "%!"});
    fails(inputs, "input `output_format` is no pattern for dates: `%!`: ").await;
}

#[tokio::test]
async fn a_date_moves_to_another_zone() {
    let action = "utility.ConvertTimezone";
    let zone = |to: &str| json!({"date": "2026-07-01T12:00:00Z", "to_timezone": to});
    check(action, zone("Europe/Zurich"), json!("2026-07-01T14:00:00+02:00")).await;
    check(action, zone("utc"), json!("2026-07-01T12:00:00Z")).await;
    check(action, zone("-03:30"), json!("2026-07-01T08:30:00-03:30")).await;
    let local = json!({
        "date": "2026-01-01 00:00", "from_timezone": "Asia/Tokyo", "to_timezone": "UTC", "output_format": "%F %R",
    });
    check(action, local, json!("2025-12-31 15:00")).await;
    check_fails(action, json!({"date": "2026-01-01"}), "input `to_timezone` is missing").await;
}
