//! DynamoDB's condition and update expressions: the part of them that the store sends.

use std::collections::{BTreeMap, BTreeSet};

/// An attribute's value. Numbers are whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    S(String),
    N(i128),
    /// Base64, as sent.
    B(String),
    Ss(BTreeSet<String>),
    M(BTreeMap<String, Value>),
    Bool(bool),
    Null,
}

pub type Item = BTreeMap<String, Value>;
/// The values that stand for `:names` in an expression.
pub type Values = BTreeMap<String, Value>;

/// The attribute at a path such as `pending.sealed_by`.
fn at<'a>(item: &'a Item, path: &str) -> Option<&'a Value> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match item.get(first)? {
        value if rest.is_empty() => Some(value),
        Value::M(inner) => at(inner, rest),
        _ => None,
    }
}

/// The request is not a valid one; the text is for the failing test, not DynamoDB's.
#[derive(Debug)]
pub struct Invalid(pub String);

fn invalid<T>(why: impl Into<String>) -> Result<T, Invalid> {
    Err(Invalid(why.into()))
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word, a `:value`, or a sign.
    Word(String),
    Sign(&'static str),
}

fn tokens(text: &str) -> Result<Vec<Token>, Invalid> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    'next: while !rest.is_empty() {
        for sign in ["<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-"] {
            if let Some(after) = rest.strip_prefix(sign) {
                tokens.push(Token::Sign(sign));
                rest = after.trim_start();
                continue 'next;
            }
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.')))
            .unwrap_or(rest.len());
        if end == 0 {
            return invalid(format!("{rest:?} in an expression"));
        }
        tokens.push(Token::Word(rest[..end].to_owned()));
        rest = rest[end..].trim_start();
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, Invalid> {
        Ok(Self { tokens: tokens(text)?, at: 0 })
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(there)) if *there == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Invalid> {
        if self.sign(sign) { Ok(()) } else { invalid(format!("no {sign} at {:?}", self.peek())) }
    }

    fn keyword(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(there)) if there == word);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self) -> Result<String, Invalid> {
        match self.peek().cloned() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok(word)
            }
            other => invalid(format!("a word was expected, not {other:?}")),
        }
    }

    fn end(&self) -> Result<(), Invalid> {
        match self.peek() {
            None => Ok(()),
            Some(token) => invalid(format!("{token:?} is left over")),
        }
    }
}

#[derive(Debug)]
enum Operand {
    Attribute(String),
    Given(String),
}

impl Operand {
    fn of(word: String) -> Self {
        match word.strip_prefix(':') {
            Some(_) => Self::Given(word),
            None => Self::Attribute(word),
        }
    }

    fn value<'a>(&self, item: &'a Item, values: &'a Values) -> Result<Option<&'a Value>, Invalid> {
        match self {
            Self::Attribute(name) => Ok(at(item, name)),
            Self::Given(name) => match values.get(name) {
                Some(value) => Ok(Some(value)),
                None => invalid(format!("{name} has no value")),
            },
        }
    }

    fn note(&self, used: &mut BTreeSet<String>) {
        if let Self::Given(name) = self {
            used.insert(name.clone());
        }
    }
}

#[derive(Debug)]
enum Condition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Exists(String),
    Missing(String),
    Contains(String, Operand),
    Compare(Operand, &'static str, Operand),
    In(Operand, Vec<Operand>),
}

/// A condition, read once.
#[derive(Debug)]
pub struct ReadCondition {
    condition: Condition,
    pub used: BTreeSet<String>,
}

impl ReadCondition {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut parser = Parser::new(text)?;
        let condition = Condition::any(&mut parser)?;
        parser.end()?;
        let mut used = BTreeSet::new();
        condition.note(&mut used);
        Ok(Self { condition, used })
    }

    pub fn holds(&self, item: &Item, values: &Values) -> Result<bool, Invalid> {
        self.condition.holds(item, values)
    }
}

impl Condition {
    fn any(parser: &mut Parser) -> Result<Self, Invalid> {
        let mut parts = vec![Self::all(parser)?];
        while parser.keyword("OR") {
            parts.push(Self::all(parser)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Self::Any(parts) })
    }

    fn all(parser: &mut Parser) -> Result<Self, Invalid> {
        let mut parts = vec![Self::one(parser)?];
        while parser.keyword("AND") {
            parts.push(Self::one(parser)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Self::All(parts) })
    }

    fn one(parser: &mut Parser) -> Result<Self, Invalid> {
        if parser.keyword("NOT") {
            return Ok(Self::Not(Box::new(Self::one(parser)?)));
        }
        if parser.sign("(") {
            let inside = Self::any(parser)?;
            parser.expect(")")?;
            return Ok(inside);
        }
        let word = parser.word()?;
        match word.as_str() {
            "attribute_exists" | "attribute_not_exists" => {
                parser.expect("(")?;
                let name = parser.word()?;
                parser.expect(")")?;
                let exists = word == "attribute_exists";
                return Ok(if exists { Self::Exists(name) } else { Self::Missing(name) });
            }
            "contains" => {
                parser.expect("(")?;
                let name = parser.word()?;
                parser.expect(",")?;
                let what = Operand::of(parser.word()?);
                parser.expect(")")?;
                return Ok(Self::Contains(name, what));
            }
            _ => {}
        }
        let left = Operand::of(word);
        if parser.keyword("IN") {
            parser.expect("(")?;
            let mut among = vec![Operand::of(parser.word()?)];
            while parser.sign(",") {
                among.push(Operand::of(parser.word()?));
            }
            parser.expect(")")?;
            return Ok(Self::In(left, among));
        }
        for sign in ["<>", "<=", ">=", "<", ">", "="] {
            if parser.sign(sign) {
                return Ok(Self::Compare(left, sign, Operand::of(parser.word()?)));
            }
        }
        invalid(format!("no comparison after {left:?}"))
    }

    fn note(&self, used: &mut BTreeSet<String>) {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                for part in parts {
                    part.note(used);
                }
            }
            Self::Not(inside) => inside.note(used),
            Self::Exists(_) | Self::Missing(_) => {}
            Self::Contains(_, what) => what.note(used),
            Self::Compare(left, _, right) => {
                left.note(used);
                right.note(used);
            }
            Self::In(left, among) => {
                left.note(used);
                for operand in among {
                    operand.note(used);
                }
            }
        }
    }

    fn holds(&self, item: &Item, values: &Values) -> Result<bool, Invalid> {
        Ok(match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(item, values)? {
                        return Ok(false);
                    }
                }
                true
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(item, values)? {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Not(inside) => !inside.holds(item, values)?,
            Self::Exists(name) => at(item, name).is_some(),
            Self::Missing(name) => at(item, name).is_none(),
            Self::Contains(name, what) => match (item.get(name), what.value(item, values)?) {
                (Some(Value::Ss(set)), Some(Value::S(text))) => set.contains(text),
                (Some(Value::S(whole)), Some(Value::S(text))) => whole.contains(text.as_str()),
                _ => false,
            },
            Self::In(left, among) => {
                let left = left.value(item, values)?;
                for operand in among {
                    if left.is_some() && operand.value(item, values)? == left {
                        return Ok(true);
                    }
                }
                false
            }
            Self::Compare(left, sign, right) => {
                let (left, right) = (left.value(item, values)?, right.value(item, values)?);
                match *sign {
                    "=" => left.is_some() && left == right,
                    "<>" => left != right,
                    _ => match (left, right) {
                        (Some(Value::N(left)), Some(Value::N(right))) => order(left, sign, right),
                        (Some(Value::S(left)), Some(Value::S(right))) => order(left, sign, right),
                        _ => false,
                    },
                }
            }
        })
    }
}

fn order<T: Ord>(left: &T, sign: &str, right: &T) -> bool {
    match sign {
        "<" => left < right,
        "<=" => left <= right,
        ">" => left > right,
        _ => left >= right,
    }
}

#[derive(Debug)]
enum Term {
    Plain(Operand),
    IfNotExists(String, Operand),
}

impl Term {
    fn parse(parser: &mut Parser) -> Result<Self, Invalid> {
        let word = parser.word()?;
        if word != "if_not_exists" {
            return Ok(Self::Plain(Operand::of(word)));
        }
        parser.expect("(")?;
        let name = parser.word()?;
        parser.expect(",")?;
        let otherwise = Operand::of(parser.word()?);
        parser.expect(")")?;
        Ok(Self::IfNotExists(name, otherwise))
    }

    fn value(&self, item: &Item, values: &Values) -> Result<Value, Invalid> {
        let value = match self {
            Self::Plain(operand) => operand.value(item, values)?,
            Self::IfNotExists(name, otherwise) => match item.get(name) {
                Some(there) => Some(there),
                None => otherwise.value(item, values)?,
            },
        };
        match value {
            Some(value) => Ok(value.clone()),
            None => invalid("an update uses an attribute that is not there"),
        }
    }

    fn note(&self, used: &mut BTreeSet<String>) {
        match self {
            Self::Plain(operand) | Self::IfNotExists(_, operand) => operand.note(used),
        }
    }
}

/// An attribute, its new value, and what that is added to or taken from.
type Assignment = (String, Term, Option<(&'static str, Term)>);

/// An update, read once.
#[derive(Debug)]
pub struct ReadUpdate {
    set: Vec<Assignment>,
    remove: Vec<String>,
    add: Vec<(String, Operand)>,
    delete: Vec<(String, Operand)>,
    pub used: BTreeSet<String>,
}

impl ReadUpdate {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut parser = Parser::new(text)?;
        let mut update = Self {
            set: Vec::new(),
            remove: Vec::new(),
            add: Vec::new(),
            delete: Vec::new(),
            used: BTreeSet::new(),
        };
        while parser.peek().is_some() {
            let section = parser.word()?;
            loop {
                let name = parser.word()?;
                match section.as_str() {
                    "SET" => {
                        parser.expect("=")?;
                        let first = Term::parse(&mut parser)?;
                        let mut second = None;
                        for sign in ["+", "-"] {
                            if parser.sign(sign) {
                                second = Some((sign, Term::parse(&mut parser)?));
                            }
                        }
                        first.note(&mut update.used);
                        if let Some((_, term)) = &second {
                            term.note(&mut update.used);
                        }
                        update.set.push((name, first, second));
                    }
                    "REMOVE" => update.remove.push(name),
                    "ADD" | "DELETE" => {
                        let operand = Operand::of(parser.word()?);
                        operand.note(&mut update.used);
                        let list =
                            if section == "ADD" { &mut update.add } else { &mut update.delete };
                        list.push((name, operand));
                    }
                    other => return invalid(format!("{other} in an update")),
                }
                if !parser.sign(",") {
                    break;
                }
            }
        }
        Ok(update)
    }

    /// Of an item, what the update is about.
    pub fn part_of(&self, item: &Item) -> Item {
        let set = self.set.iter().map(|(name, ..)| name);
        let changed = self.add.iter().chain(&self.delete).map(|(name, _)| name);
        let names: BTreeSet<_> = set.chain(&self.remove).chain(changed).collect();
        item.iter()
            .filter(|(name, _)| names.contains(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The item after the update; every right side sees the item before it.
    pub fn apply(&self, old: &Item, values: &Values) -> Result<Item, Invalid> {
        let mut new = old.clone();
        for (name, first, second) in &self.set {
            let mut value = first.value(old, values)?;
            if let Some((sign, term)) = second {
                let (Value::N(left), Value::N(right)) = (&value, term.value(old, values)?) else {
                    return invalid("arithmetic on something other than numbers");
                };
                value = Value::N(if *sign == "+" { left + right } else { left - right });
            }
            new.insert(name.clone(), value);
        }
        for name in &self.remove {
            new.remove(name);
        }
        for (name, operand) in &self.add {
            let given = operand.value(old, values)?.cloned();
            let sum = match (old.get(name), given) {
                (None, Some(value @ (Value::N(_) | Value::Ss(_)))) => value,
                (Some(Value::N(there)), Some(Value::N(more))) => Value::N(there + more),
                (Some(Value::Ss(there)), Some(Value::Ss(more))) => {
                    Value::Ss(there.union(&more).cloned().collect())
                }
                _ => return invalid("ADD of something other than numbers or sets"),
            };
            new.insert(name.clone(), sum);
        }
        for (name, operand) in &self.delete {
            match (old.get(name), operand.value(old, values)?) {
                (None, Some(Value::Ss(_))) => {}
                (Some(Value::Ss(there)), Some(Value::Ss(less))) => {
                    let left: BTreeSet<_> = there.difference(less).cloned().collect();
                    if left.is_empty() {
                        new.remove(name);
                    } else {
                        new.insert(name.clone(), Value::Ss(left));
                    }
                }
                _ => return invalid("DELETE of something other than a set"),
            }
        }
        Ok(new)
    }
}
