//! Answers about access as people read them.

use serde_json::Value;

use crate::output::table;

/// Actions that are named of each gain and each loss.
const MOST_NAMED: usize = 12;

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What stands at a path (RFC 6901), or null.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn is_empty(list: &Value) -> bool {
    each(list).next().is_none()
}

/// What a principal is called.
fn name(person: &Value) -> String {
    match (&person["displayName"], &person["login"]) {
        (Value::String(name), Value::String(login)) if name != login => format!("{name} ({login})"),
        (Value::String(name), _) => name.clone(),
        _ => text(&person["id"]),
    }
}

fn names(people: &Value) -> String {
    each(people).map(name).collect::<Vec<_>>().join(" > ")
}

fn section(shown: &mut String, title: &str, heading: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        shown.push_str(&format!("\n{title}:\n{}", table(heading, &rows)));
    }
}

/// `gatepost access explain`.
pub(crate) fn explained(answer: &Value) -> String {
    let principal = name(&answer["principal"]);
    let kind = text(at(answer, "/principal/type"));
    let mut shown = format!(
        "{}: {principal} [{kind}], {} at {}\n{}\n",
        text(&answer["decision"]).to_uppercase(),
        text(&answer["action"]),
        text(&answer["scope"]),
        text(&answer["reason"])
    );
    let refusal = &answer["refusal"];
    if refusal.is_object() {
        shown.push_str(&format!(
            "Refused at {}, because: {}\nThe rest is how the same would be decided now.\n",
            text(&refusal["at"]),
            text(&refusal["reason"])
        ));
    }
    let counts: Vec<Vec<String>> = each(&answer["principals"])
        .map(|one| vec![name(one), text(&one["type"]), names(&one["through"])])
        .collect();
    if counts.len() > 1 {
        section(&mut shown, "It counts as", &["PRINCIPAL", "TYPE", "THROUGH"], counts);
    }
    let assignments = each(&answer["assignments"]).map(|one| {
        let role = text(&one["roleName"]);
        vec![text(&one["verdict"]), role, name(&one["principal"]), text(&one["scope"])]
    });
    let heading = ["VERDICT", "ROLE", "PRINCIPAL", "SCOPE"];
    section(&mut shown, "Role assignments at this scope and above it", &heading, assignments.collect());
    conditions(&mut shown, answer);
    let elsewhere = each(at(answer, "/elsewhere/granting"))
        .map(|one| vec![text(&one["roleName"]), name(&one["principal"]), text(&one["scope"])]);
    let heading = ["ROLE", "PRINCIPAL", "SCOPE"];
    section(&mut shown, "Assigned elsewhere, where it would be granted", &heading, elsewhere.collect());
    let denies = each(&answer["denyAssignments"])
        .map(|one| vec![text(&one["verdict"]), text(&one["name"]), text(&one["scope"])]);
    section(&mut shown, "Deny assignments", &["VERDICT", "NAME", "SCOPE"], denies.collect());
    let locks =
        each(&answer["locks"]).map(|one| vec![text(&one["level"]), text(&one["name"]), text(&one["scope"])]);
    section(&mut shown, "Locks in the way", &["LEVEL", "NAME", "SCOPE"], locks.collect());
    remedies(&mut shown, &answer["remedies"]);
    shown
}

fn conditions(shown: &mut String, answer: &Value) {
    let all = each(&answer["assignments"]).chain(each(&answer["denyAssignments"]));
    let rows = all.flat_map(|one| {
        each(&one["conditions"])
            .flat_map(|condition| each(&condition["comparisons"]))
            .map(|line| vec![text(&line["outcome"]), text(&line["comparison"]), text(&line["saw"])])
    });
    section(shown, "Conditions", &["OUTCOME", "COMPARISON", "SAW"], rows.collect());
}

fn remedies(shown: &mut String, remedies: &Value) {
    if is_empty(remedies) {
        return;
    }
    shown.push_str("\nWhat would allow it, the smallest first:\n");
    for one in each(remedies) {
        let line = match one["kind"].as_str() {
            Some("roleAssignment") => {
                format!("role '{}', which grants {} operations", text(&one["roleName"]), text(&one["grants"]))
            }
            _ => text(&one["text"]),
        };
        shown.push_str(&format!("- {line}\n"));
        if let Some(command) = one["command"].as_str() {
            shown.push_str(&format!("    {command}\n"));
        }
    }
}

/// `gatepost access who-can`.
pub(crate) fn who_can(answer: &Value) -> String {
    let rows: Vec<Vec<String>> = each(answer)
        .map(|one| {
            let through = at(one, "/through/0");
            let when = if one["conditional"] == true { "conditional" } else { "yes" };
            vec![
                name(&one["principal"]),
                text(at(one, "/principal/type")),
                when.to_owned(),
                text(&through["roleName"]),
                text(&through["scope"]),
                names(&through["groups"]),
            ]
        })
        .collect();
    if rows.is_empty() {
        return "Nobody.\n".to_owned();
    }
    table(&["PRINCIPAL", "TYPE", "CAN", "ROLE", "AT", "THROUGH"], &rows)
}

fn role_names(suggestion: &Value) -> String {
    each(&suggestion["roles"]).map(|role| text(&role["roleName"])).collect::<Vec<_>>().join(" + ")
}

/// `gatepost access least`.
pub(crate) fn least(answer: &Value) -> String {
    let mut shown = String::new();
    let unknown: Vec<String> = each(&answer["unknown"]).map(text).collect();
    if !unknown.is_empty() {
        shown.push_str(&format!("Not known as operations: {}\n\n", unknown.join(", ")));
    }
    let mut rows: Vec<Vec<String>> =
        each(&answer["value"]).map(|one| vec![text(&one["grants"]), role_names(one)]).collect();
    if answer["combined"].is_object() {
        rows.push(vec![text(at(answer, "/combined/grants")), role_names(&answer["combined"])]);
    }
    if rows.is_empty() {
        shown.push_str("No role that may be assigned there grants all of it.\n");
    } else {
        shown.push_str(&table(&["GRANTS", "ROLE"], &rows));
    }
    shown.push_str(&format!(
        "\nA custom role with just this, for `az role definition create --role-definition`:\n{:#}\n",
        answer["customRole"]
    ));
    shown
}

/// `gatepost access diff`.
pub(crate) fn diff(answer: &Value) -> String {
    let (first, second) = (text(at(answer, "/first/roleName")), text(at(answer, "/second/roleName")));
    if answer["same"] == true {
        return format!("'{first}' and '{second}' grant the same.\n");
    }
    let rows: Vec<Vec<String>> = each(&answer["value"])
        .map(|one| {
            let plane = if one["isDataAction"] == true { "data" } else { "control" };
            vec![text(&one["first"]), text(&one["second"]), plane.to_owned(), text(&one["action"])]
        })
        .collect();
    let heading = [first.to_uppercase(), second.to_uppercase()];
    let mut shown = String::new();
    if !rows.is_empty() {
        shown = table(&[&heading[0], &heading[1], "PLANE", "ACTION"], &rows);
    }
    let remarks: Vec<Vec<String>> = each(&answer["remarks"])
        .map(|one| {
            let of = if one["only"] == "first" { &first } else { &second };
            vec![of.clone(), text(&one["kind"]), text(&one["value"])]
        })
        .collect();
    section(&mut shown, "In one of them only", &["ROLE", "WHAT", "VALUE"], remarks);
    shown
}

/// `gatepost access what-if`.
pub(crate) fn what_if(answer: &Value) -> String {
    let mut rows = Vec::new();
    for effect in each(&answer["value"]) {
        for (what, list, count) in [("gains", "gains", "gainCount"), ("loses", "loses", "lossCount")] {
            let total = effect[count].as_u64().unwrap_or_default();
            if total == 0 {
                continue;
            }
            let some: Vec<String> =
                each(&effect[list]).take(MOST_NAMED).map(|one| text(&one["action"])).collect();
            let rest = total.saturating_sub(u64::try_from(some.len()).unwrap_or_default());
            let more = if rest > 0 { format!(", and {rest} more") } else { String::new() };
            rows.push(vec![
                name(&effect["principal"]),
                what.to_owned(),
                total.to_string(),
                text(&effect["scope"]),
                format!("{}{more}", some.join(", ")),
            ]);
        }
    }
    let mut shown = match rows.is_empty() {
        true => "Nobody would gain or lose anything.\n".to_owned(),
        false => table(&["PRINCIPAL", "WHAT", "HOW MANY", "AT", "ACTIONS"], &rows),
    };
    if answer["truncated"] == true {
        shown.push_str("There is more than is shown.\n");
    }
    shown
}
