//! A table in memory that answers DynamoDB's JSON: fast, and no more than the store asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::{Map, Value as Json, json};

use crate::expression::{Invalid, Item, ReadCondition, ReadUpdate, Value, Values};

/// One table, and the expressions read so far.
#[derive(Default)]
pub struct Table {
    pub items: BTreeMap<String, Item>,
    conditions: HashMap<String, Rc<ReadCondition>>,
    updates: HashMap<String, Rc<ReadUpdate>>,
    /// Where something is to be compared with another engine.
    pub recording: Option<Recording>,
}

/// How a request ended, besides its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It read, or its condition did not hold.
    None,
    /// It wrote.
    Wrote,
}

const KEY: &str = "user_id";

fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}

pub fn to_json(item: &Item) -> Json {
    let attributes = item.iter().map(|(name, value)| {
        let value = match value {
            Value::S(text) => json!({ "S": text }),
            Value::N(number) => json!({ "N": number.to_string() }),
            Value::B(bytes) => json!({ "B": bytes }),
            Value::Ss(set) => json!({ "SS": set }),
            Value::M(inner) => json!({ "M": to_json(inner) }),
            Value::Bool(value) => json!({ "BOOL": value }),
            Value::Null => json!({ "NULL": true }),
        };
        (name.clone(), value)
    });
    Json::Object(attributes.collect())
}

fn value(json: &Json) -> Result<Value, Invalid> {
    let Some((kind, value)) = json.as_object().and_then(|object| object.iter().next()) else {
        return invalid("a value without a type");
    };
    let text = || value.as_str().map(str::to_owned).ok_or_else(|| Invalid("no text".to_owned()));
    Ok(match kind.as_str() {
        "S" => Value::S(text()?),
        "N" => Value::N(text()?.parse().map_err(|_| Invalid("not a whole number".to_owned()))?),
        "B" => Value::B(text()?),
        "SS" => {
            let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
            let set: BTreeSet<_> =
                list.iter().filter_map(Json::as_str).map(str::to_owned).collect();
            if set.is_empty() || set.len() != list.len() {
                return invalid("a set is empty or has an element twice");
            }
            Value::Ss(set)
        }
        "M" => Value::M(attributes(Some(value))?),
        "BOOL" => Value::Bool(value.as_bool().unwrap_or_default()),
        "NULL" => Value::Null,
        other => return invalid(format!("a value of type {other}")),
    })
}

fn attributes(json: Option<&Json>) -> Result<Item, Invalid> {
    let Some(Json::Object(object)) = json else { return Ok(Item::new()) };
    object.iter().map(|(name, json)| Ok((name.clone(), value(json)?))).collect()
}

fn text<'a>(request: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    request.get(name).and_then(Json::as_str)
}

impl Table {
    /// Carries out one request: the HTTP status, the reply, and whether it wrote.
    pub fn answer(&mut self, operation: &str, body: &[u8]) -> (u16, String, Effect) {
        let before = self.recording.as_ref().and_then(|_| self.item_of(body));
        let answer = self.decide(operation, body);
        let after = self.recording.as_ref().and_then(|_| self.item_of(body));
        if let Some(recording) = &mut self.recording {
            recording.note(operation, body, before, after, &answer);
        }
        answer
    }

    /// The item that a request is about.
    fn item_of(&self, body: &[u8]) -> Option<Json> {
        let request: Json = serde_json::from_slice(body).ok()?;
        let named = request.get("Key").or_else(|| request.get("Item"))?;
        let user = named[KEY]["S"].as_str()?;
        self.items.get(user).map(to_json)
    }

    fn decide(&mut self, operation: &str, body: &[u8]) -> (u16, String, Effect) {
        let done = serde_json::from_slice::<Json>(body)
            .map_err(|error| Failure::Invalid(Invalid(error.to_string())))
            .and_then(|request| self.carry_out(operation, &request));
        match done {
            Ok((reply, effect)) => (200, reply.to_string(), effect),
            Err(Failure::Invalid(Invalid(why))) => {
                let kind = "com.amazon.coral.validate#ValidationException";
                (400, json!({ "__type": kind, "message": why }).to_string(), Effect::None)
            }
            Err(Failure::Condition(old)) => {
                let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
                let mut reply =
                    json!({ "__type": kind, "message": "The conditional request failed" });
                if let Some(old) = old {
                    reply["Item"] = to_json(&old);
                }
                (400, reply.to_string(), Effect::None)
            }
        }
    }

    fn carry_out(&mut self, operation: &str, request: &Json) -> Result<(Json, Effect), Failure> {
        let Some(request) = request.as_object() else {
            return Err(Invalid("no object".to_owned()).into());
        };
        match operation {
            "GetItem" => {
                let user = key(request.get("Key"))?;
                let item = self.items.get(&user);
                let reply = item.map_or_else(|| json!({}), |item| json!({ "Item": to_json(item) }));
                Ok((reply, Effect::None))
            }
            "Scan" => Ok((self.scan(request)?, Effect::None)),
            "PutItem" => {
                let item = attributes(request.get("Item"))?;
                let user = match item.get(KEY) {
                    Some(Value::S(user)) if !user.is_empty() => user.clone(),
                    _ => return Err(Invalid("an item without its key".to_owned()).into()),
                };
                self.check(request, &user, &BTreeSet::new())?;
                self.items.insert(user, item);
                Ok((json!({}), Effect::Wrote))
            }
            "DeleteItem" => {
                let user = key(request.get("Key"))?;
                self.check(request, &user, &BTreeSet::new())?;
                self.items.remove(&user);
                Ok((json!({}), Effect::Wrote))
            }
            "UpdateItem" => {
                let user = key(request.get("Key"))?;
                let update = self.update(text(request, "UpdateExpression").unwrap_or_default())?;
                let values = self.check(request, &user, &update.used)?;
                let before = self.items.get(&user).cloned().unwrap_or_default();
                let mut old = before.clone();
                old.insert(KEY.to_owned(), Value::S(user.clone()));
                let new = update.apply(&old, &values)?;
                let reply = match text(request, "ReturnValues") {
                    None | Some("NONE") => json!({}),
                    Some("ALL_NEW") => json!({ "Attributes": to_json(&new) }),
                    Some("ALL_OLD") => json!({ "Attributes": to_json(&before) }),
                    Some("UPDATED_OLD") => {
                        json!({ "Attributes": to_json(&update.part_of(&before)) })
                    }
                    Some(other) => return Err(Invalid(format!("ReturnValues {other}")).into()),
                };
                self.items.insert(user, new);
                Ok((reply, Effect::Wrote))
            }
            other => Err(Invalid(format!("operation {other}")).into()),
        }
    }

    /// Checks the condition, and that no value is given that nothing uses.
    fn check(
        &mut self,
        request: &Map<String, Json>,
        user: &str,
        used: &BTreeSet<String>,
    ) -> Result<Values, Failure> {
        let values = attributes(request.get("ExpressionAttributeValues"))?;
        let condition = match text(request, "ConditionExpression") {
            Some(condition) => Some(self.condition(condition)?),
            None => None,
        };
        let mut names: BTreeSet<&str> = used.iter().map(String::as_str).collect();
        if let Some(condition) = &condition {
            names.extend(condition.used.iter().map(String::as_str));
        }
        if !values.keys().map(String::as_str).eq(names.iter().copied()) {
            return Err(Invalid(format!("values {:?} for {names:?}", values.keys())).into());
        }
        let Some(condition) = condition else { return Ok(values) };
        let old = self.items.get(user);
        let nobody = Item::new();
        if condition.holds(old.unwrap_or(&nobody), &values)? {
            return Ok(values);
        }
        let wanted = text(request, "ReturnValuesOnConditionCheckFailure") == Some("ALL_OLD");
        Err(Failure::Condition(old.filter(|_| wanted).cloned()))
    }

    fn scan(&self, request: &Map<String, Json>) -> Result<Json, Invalid> {
        let number = |name: &str| request.get(name).and_then(Json::as_u64);
        if number("TotalSegments").is_some_and(|segments| segments != 1) {
            return invalid("a scan of several segments");
        }
        let limit = usize::try_from(number("Limit").unwrap_or(1000)).unwrap_or(usize::MAX);
        let after = match request.get("ExclusiveStartKey") {
            Some(start) => key(Some(start))?,
            None => String::new(),
        };
        let mut page: Vec<_> =
            self.items.iter().filter(|(user, _)| **user > after).take(limit + 1).collect();
        let more = page.len() > limit;
        page.truncate(limit);
        let wanted: Option<Vec<_>> = text(request, "ProjectionExpression")
            .map(|names| names.split(',').map(str::trim).collect());
        let shown = page.iter().map(|(_, item)| {
            let mut item = (*item).clone();
            if let Some(wanted) = &wanted {
                item.retain(|name, _| wanted.contains(&name.as_str()));
            }
            to_json(&item)
        });
        let mut reply = json!({ "Items": shown.collect::<Vec<_>>() });
        if let (true, Some((user, _))) = (more, page.last()) {
            reply["LastEvaluatedKey"] = json!({ KEY: { "S": user } });
        }
        Ok(reply)
    }

    fn condition(&mut self, text: &str) -> Result<Rc<ReadCondition>, Invalid> {
        if let Some(read) = self.conditions.get(text) {
            return Ok(Rc::clone(read));
        }
        let read = Rc::new(ReadCondition::parse(text)?);
        self.conditions.insert(text.to_owned(), Rc::clone(&read));
        Ok(read)
    }

    fn update(&mut self, text: &str) -> Result<Rc<ReadUpdate>, Invalid> {
        if let Some(read) = self.updates.get(text) {
            return Ok(Rc::clone(read));
        }
        let read = Rc::new(ReadUpdate::parse(text)?);
        self.updates.insert(text.to_owned(), Rc::clone(&read));
        Ok(read)
    }
}

/// Requests about one item, what the item was before and after, and what was answered: a few
/// of every kind.
#[derive(Default)]
pub struct Recording {
    seen: HashMap<String, u32>,
    pub lines: Vec<String>,
}

impl Recording {
    const OF_A_KIND: u32 = 2;

    /// Keeps it, if there are not enough of its kind: the same expressions, on items with the
    /// same attributes, answered alike.
    fn note(
        &mut self,
        operation: &str,
        body: &[u8],
        before: Option<Json>,
        after: Option<Json>,
        (status, reply, effect): &(u16, String, Effect),
    ) {
        if operation == "Scan" {
            return;
        }
        let request: Json = serde_json::from_slice(body).expect("JSON");
        let names = |item: &Json| item.as_object().map(|item| item.keys().cloned().collect());
        let attributes: Vec<String> = before.as_ref().and_then(names).unwrap_or_default();
        let kind = format!(
            "{operation} {} {} {attributes:?} {status} {effect:?}",
            request["ConditionExpression"], request["UpdateExpression"]
        );
        let seen = self.seen.entry(kind).or_default();
        *seen += 1;
        if *seen <= Self::OF_A_KIND {
            let reply: Json = serde_json::from_str(reply).expect("JSON");
            let line = json!({
                "operation": operation, "request": request, "before": before, "after": after,
                "status": status, "reply": reply,
            });
            self.lines.push(line.to_string());
        }
    }
}

fn key(json: Option<&Json>) -> Result<String, Invalid> {
    match attributes(json)?.remove(KEY) {
        Some(Value::S(user)) if !user.is_empty() => Ok(user),
        _ => invalid("no key"),
    }
}

enum Failure {
    Invalid(Invalid),
    Condition(Option<Item>),
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}
