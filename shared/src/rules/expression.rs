//! What may a merchandiser say about an item? A small language of comparisons over an item and the page's own item.
//!
//! ```text
//! price <= 2 * seed.price and not ('outlet' in tags)
//! ```
//!
//! Values: numbers, 'text', true, false, lists of text. Operators, loosest first: `or`, `and`, one comparison
//! (`== != < <= > >= in`), `+ -`, `* /`, `not` and `-`. Kinds are checked when a rule is read; nothing is called, looped
//! or assigned. An item may lack a field: a comparison with what is not there is false.

use winnow::{
    ascii::{dec_uint, multispace0},
    combinator::{Infix, Prefix, alt, delimited, expression, not, opt, preceded, repeat, terminated},
    error::{ContextError, ErrMode},
    prelude::*,
    token::{one_of, take_while},
};

use super::DAY_MS;
use crate::catalog::Item;

/// Longer ones are refused: the parser follows parentheses by recursion.
const LONGEST: usize = 500;

/// What an expression is about.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    pub item: &'a Item,
    /// The item whose page is open.
    pub seed: Option<&'a Item>,
    /// Milliseconds since 1970-01-01 UTC.
    pub now_ms: i64,
}

/// A checked expression with the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    text: String,
    node: Node,
    kind: Kind,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    pub text: String,
    /// Counted in characters from 1; 0 when the whole is meant.
    pub column: usize,
    pub reason: String,
}

impl std::fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { text, column, reason } = self;
        match column {
            0 => write!(f, "in {text:?}: {reason}"),
            _ => write!(f, "in {text:?}, character {column}: {reason}"),
        }
    }
}

impl std::error::Error for ExpressionError {}

/// What kind of value an expression has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Truth,
    List,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Truth => "true or false",
            Self::List => "a list",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Number(f64),
    Text(String),
    Truth(bool),
    Field { is_of_seed: bool, field: Field },
    Not(Box<Node>),
    Minus(Box<Node>),
    Pair(Operator, Box<Node>, Box<Node>),
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Id,
    Title,
    Brand,
    Group,
    Currency,
    Category,
    CategoryAt(usize),
    Tags,
    Attribute(String),
    Available,
    Price,
    ListPrice,
    Rating,
    Ratings,
    AgeDays,
    Boost,
}

/// Names of fields, as people write them; `category[0]` and `attrs.colour` beside.
const FIELDS: [(&str, Field); 14] = [
    ("id", Field::Id),
    ("title", Field::Title),
    ("brand", Field::Brand),
    ("group", Field::Group),
    ("currency", Field::Currency),
    ("category", Field::Category),
    ("tags", Field::Tags),
    ("available", Field::Available),
    ("price", Field::Price),
    ("list_price", Field::ListPrice),
    ("rating", Field::Rating),
    ("rating_n", Field::Ratings),
    ("age_days", Field::AgeDays),
    ("boost", Field::Boost),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Number(f64),
    Text(&'a str),
    Truth(bool),
    List(&'a [String]),
    /// The item lacks the field.
    Missing,
}

impl Expression {
    /// # Errors
    /// [`ExpressionError`] with the character at which reading stopped, or with the kinds that do not fit.
    ///
    /// # Example
    /// ```
    /// use shared::{catalog::Item, rules::expression::{Expression, Scope}};
    /// let is_cheap = Expression::parse("price < 5000 and category[0] == 'Shoes'")?;
    /// let item = Item { price: Some(4900), category: vec!["Shoes".into()], ..Item::default() };
    /// assert!(is_cheap.is_true(Scope { item: &item, seed: None, now_ms: 0 }));
    /// # Ok::<(), shared::rules::expression::ExpressionError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let error = |column, reason: String| ExpressionError { text: text.to_owned(), column, reason };
        if text.len() > LONGEST {
            return Err(error(0, format!("it has {} bytes, the limit is {LONGEST}", text.len())));
        }
        let node = whole.parse(text).map_err(|cause| {
            let at = cause.offset().min(text.len());
            let column = text[..at].chars().count() + 1;
            let rest: String = text[at..].chars().take(20).collect();
            let reason = if rest.trim().is_empty() {
                "it ends too soon".to_owned()
            } else {
                format!("{rest:?} cannot stand here")
            };
            error(column, reason)
        })?;
        let kind = node.kind().map_err(|reason| error(0, reason))?;
        Ok(Self { text: text.to_owned(), node, kind })
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Does it speak of the page's own item? Then it says nothing on pages that have none.
    #[must_use]
    pub fn needs_seed(&self) -> bool {
        self.node.needs_seed()
    }

    /// Whether it holds; what cannot be told does not.
    #[must_use]
    pub fn is_true(&self, scope: Scope) -> bool {
        matches!(self.node.value(scope), Value::Truth(true))
    }

    /// Its number, where there is one.
    #[must_use]
    pub fn number(&self, scope: Scope) -> Option<f64> {
        match self.node.value(scope) {
            Value::Number(number) if number.is_finite() => Some(number),
            _ => None,
        }
    }
}

impl Node {
    fn kind(&self) -> Result<Kind, String> {
        match self {
            Self::Number(_) => Ok(Kind::Number),
            Self::Text(_) => Ok(Kind::Text),
            Self::Truth(_) => Ok(Kind::Truth),
            Self::Field { field, .. } => Ok(field.kind()),
            Self::Not(inner) => inner.of_kind(Kind::Truth, "not"),
            Self::Minus(inner) => inner.of_kind(Kind::Number, "-"),
            Self::Pair(operator, left, right) => {
                use Operator::{
                    And, AtLeast, AtMost, Equal, In, Less, Minus, More, Or, Over, Plus, Times, Unequal,
                };
                let name = operator.name();
                match operator {
                    Or | And => {
                        left.of_kind(Kind::Truth, name).and_then(|_| right.of_kind(Kind::Truth, name))
                    }
                    Plus | Minus | Times | Over => {
                        left.of_kind(Kind::Number, name).and_then(|_| right.of_kind(Kind::Number, name))
                    }
                    Less | AtMost | More | AtLeast => {
                        left.of_kind(Kind::Number, name)?;
                        right.of_kind(Kind::Number, name)?;
                        Ok(Kind::Truth)
                    }
                    In => {
                        left.of_kind(Kind::Text, name)?;
                        right.of_kind(Kind::List, name)?;
                        Ok(Kind::Truth)
                    }
                    Equal | Unequal => {
                        let (left, right) = (left.kind()?, right.kind()?);
                        if left != right || left == Kind::List {
                            return Err(format!("{} {name} {} cannot be told", left.name(), right.name()));
                        }
                        Ok(Kind::Truth)
                    }
                }
            }
        }
    }

    fn of_kind(&self, expected: Kind, operator: &str) -> Result<Kind, String> {
        let got = self.kind()?;
        if got == expected {
            return Ok(got);
        }
        Err(format!("{operator} takes {}, not {}", expected.name(), got.name()))
    }

    fn needs_seed(&self) -> bool {
        match self {
            Self::Field { is_of_seed, .. } => *is_of_seed,
            Self::Not(inner) | Self::Minus(inner) => inner.needs_seed(),
            Self::Pair(_, left, right) => left.needs_seed() || right.needs_seed(),
            Self::Number(_) | Self::Text(_) | Self::Truth(_) => false,
        }
    }

    fn value<'a>(&'a self, scope: Scope<'a>) -> Value<'a> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(text),
            Self::Truth(truth) => Value::Truth(*truth),
            Self::Field { is_of_seed: false, field } => field.of(scope.item, scope.now_ms),
            Self::Field { is_of_seed: true, field } => {
                scope.seed.map_or(Value::Missing, |seed| field.of(seed, scope.now_ms))
            }
            Self::Not(inner) => match inner.value(scope) {
                Value::Truth(truth) => Value::Truth(!truth),
                other => other,
            },
            Self::Minus(inner) => match inner.value(scope) {
                Value::Number(number) => Value::Number(-number),
                other => other,
            },
            Self::Pair(operator, left, right) => operator.apply(left.value(scope), right.value(scope)),
        }
    }
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        FIELDS.iter().find(|(known, _)| *known == name).map(|(_, field)| field.clone())
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Category | Self::Tags => Kind::List,
            Self::Available => Kind::Truth,
            Self::Price | Self::ListPrice | Self::Rating | Self::Ratings | Self::AgeDays | Self::Boost => {
                Kind::Number
            }
            Self::Id | Self::Title | Self::Brand | Self::Group | Self::Currency => Kind::Text,
            Self::CategoryAt(_) | Self::Attribute(_) => Kind::Text,
        }
    }

    fn of<'a>(&self, item: &'a Item, now_ms: i64) -> Value<'a> {
        let text = |value: Option<&'a String>| value.map_or(Value::Missing, |value| Value::Text(value));
        let number = |value: Option<f64>| value.map_or(Value::Missing, Value::Number);
        match self {
            Self::Id => Value::Text(&item.id),
            Self::Title => Value::Text(&item.title),
            Self::Brand => text(item.brand.as_ref()),
            Self::Group => text(item.group.as_ref()),
            Self::Currency => text(item.currency.as_ref()),
            Self::Category => Value::List(&item.category),
            Self::CategoryAt(position) => text(item.category.get(*position)),
            Self::Tags => Value::List(&item.tags),
            Self::Attribute(name) => text(item.attrs.get(name)),
            Self::Available => Value::Truth(item.available),
            Self::Price => number(item.price.map(|price| price as f64)),
            Self::ListPrice => number(item.list_price.map(|price| price as f64)),
            Self::Rating => number(item.rating.map(f64::from)),
            Self::Ratings => number(item.rating_n.map(f64::from)),
            Self::AgeDays => {
                number(item.created.map(|created| now_ms.saturating_sub(created) as f64 / DAY_MS as f64))
            }
            Self::Boost => Value::Number(f64::from(item.boost)),
        }
    }
}

impl Operator {
    fn name(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::In => "in",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
        }
    }

    fn apply<'a>(self, left: Value<'a>, right: Value<'a>) -> Value<'a> {
        let is_true = |value| matches!(value, Value::Truth(true));
        match (self, left, right) {
            (Self::Or, left, right) => Value::Truth(is_true(left) || is_true(right)),
            (Self::And, left, right) => Value::Truth(is_true(left) && is_true(right)),
            (Self::In, Value::Text(text), Value::List(list)) => {
                Value::Truth(list.iter().any(|entry| entry == text))
            }
            (Self::Equal, Value::Text(left), Value::Text(right)) => Value::Truth(left == right),
            (Self::Unequal, Value::Text(left), Value::Text(right)) => Value::Truth(left != right),
            (Self::Equal, Value::Truth(left), Value::Truth(right)) => Value::Truth(left == right),
            (Self::Unequal, Value::Truth(left), Value::Truth(right)) => Value::Truth(left != right),
            (operator, Value::Number(left), Value::Number(right)) => match operator {
                Self::Equal => Value::Truth(left == right),
                Self::Unequal => Value::Truth(left != right),
                Self::Less => Value::Truth(left < right),
                Self::AtMost => Value::Truth(left <= right),
                Self::More => Value::Truth(left > right),
                Self::AtLeast => Value::Truth(left >= right),
                Self::Plus => Value::Number(left + right),
                Self::Minus => Value::Number(left - right),
                Self::Times => Value::Number(left * right),
                Self::Over => Value::Number(left / right),
                Self::Or | Self::And | Self::In => Value::Missing,
            },
            // Of what is not there: a comparison is false, a sum is not there either.
            (Self::Plus | Self::Minus | Self::Times | Self::Over, ..) => Value::Missing,
            _ => Value::Truth(false),
        }
    }
}

type Parsed<T> = Result<T, ErrMode<ContextError>>;

fn whole(input: &mut &str) -> Parsed<Node> {
    delimited(multispace0, any_expression, multispace0).parse_next(input)
}

fn any_expression(input: &mut &str) -> Parsed<Node> {
    macro_rules! left {
        ($strength:literal, $operator:ident) => {
            Infix::Left($strength, |_: &mut &str, left, right| {
                Ok(Node::Pair(Operator::$operator, Box::new(left), Box::new(right)))
            })
        };
    }
    // Comparisons do not chain: `1 < 2 < 3` is read by nobody as what it would mean.
    macro_rules! alone {
        ($operator:ident) => {
            Infix::Neither(3, |_: &mut &str, left, right| {
                Ok(Node::Pair(Operator::$operator, Box::new(left), Box::new(right)))
            })
        };
    }
    let comparison = alt((
        "==".value(alone!(Equal)),
        "!=".value(alone!(Unequal)),
        "<=".value(alone!(AtMost)),
        ">=".value(alone!(AtLeast)),
        "<".value(alone!(Less)),
        ">".value(alone!(More)),
        word("in").value(alone!(In)),
    ));
    let others = alt((
        alt((word("or"), "||")).value(left!(1, Or)),
        alt((word("and"), "&&")).value(left!(2, And)),
        "+".value(left!(5, Plus)),
        "-".value(left!(5, Minus)),
        "*".value(left!(7, Times)),
        "/".value(left!(7, Over)),
    ));
    expression(delimited(multispace0, operand, multispace0))
        .prefix(delimited(
            multispace0,
            alt((
                alt((word("not"), terminated("!", not("="))))
                    .value(Prefix(9, |_: &mut &str, inner| Ok(Node::Not(Box::new(inner))))),
                "-".value(Prefix(9, |_: &mut &str, inner| Ok(Node::Minus(Box::new(inner))))),
            )),
            multispace0,
        ))
        .infix(alt((comparison, others)))
        .parse_next(input)
}

fn operand(input: &mut &str) -> Parsed<Node> {
    alt((
        delimited('(', any_expression, ')'),
        number,
        text.map(Node::Text),
        word("true").value(Node::Truth(true)),
        word("false").value(Node::Truth(false)),
        field,
    ))
    .parse_next(input)
}

fn number(input: &mut &str) -> Parsed<Node> {
    let digits = |input: &mut &str| take_while(1.., '0'..='9').void().parse_next(input);
    (digits, opt(('.', digits))).take().parse_to().map(Node::Number).parse_next(input)
}

/// Between single or double quotes; the quote itself is written `\'`.
fn text(input: &mut &str) -> Parsed<String> {
    let quote = one_of(['\'', '"']).parse_next(input)?;
    let letter = |input: &mut &str| {
        alt((
            preceded('\\', one_of(['\'', '"', '\\'])),
            one_of(move |letter| letter != quote && letter != '\\'),
        ))
        .parse_next(input)
    };
    terminated(repeat(0.., letter), quote).parse_next(input)
}

fn field(input: &mut &str) -> Parsed<Node> {
    let is_of_seed = opt(terminated(word("seed"), '.')).parse_next(input)?.is_some();
    let attribute = preceded((word("attrs"), '.'), name).map(|name: &str| Field::Attribute(name.to_owned()));
    let category =
        preceded(word("category"), delimited('[', dec_uint, ']')).map(|at: u8| Field::CategoryAt(at.into()));
    let field = alt((attribute, category, name.verify_map(Field::named))).parse_next(input)?;
    Ok(Node::Field { is_of_seed, field })
}

fn name<'a>(input: &mut &'a str) -> Parsed<&'a str> {
    take_while(1.., |letter: char| letter.is_alphanumeric() || letter == '_').parse_next(input)
}

/// A word that does not go on as another.
fn word<'a>(word: &'static str) -> impl Parser<&'a str, &'a str, ErrMode<ContextError>> {
    terminated(word, not(one_of(|letter: char| letter.is_alphanumeric() || letter == '_')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coat() -> Item {
        Item {
            id: "c1".into(),
            title: "Camel coat".into(),
            brand: Some("Aurelle".into()),
            category: vec!["Women".into(), "Coats".into()],
            price: Some(145_000),
            tags: vec!["new".into()],
            attrs: [("colour".to_owned(), "camel".to_owned())].into(),
            ..Item::default()
        }
    }

    fn holds(text: &str) -> bool {
        let (item, seed) = (coat(), Item { price: Some(100_000), brand: Some("Oria".into()), ..coat() });
        let expression = Expression::parse(text).unwrap();
        assert_eq!(expression.kind(), Kind::Truth, "{text}");
        expression.is_true(Scope { item: &item, seed: Some(&seed), now_ms: 0 })
    }

    #[test]
    fn operators_bind_as_people_read_them() {
        let scope = |item: &Item| {
            Expression::parse("1 + 2 * 3 - 8 / 4 - 1").unwrap().number(Scope { item, seed: None, now_ms: 0 })
        };
        assert_eq!(scope(&coat()), Some(4.0));
        for truth in [
            "price <= 2 * seed.price and price >= 0.5 * seed.price",
            "'new' in tags && !('outlet' in tags)",
            "category[0] == \"Women\" and category[1] == seed.category[1]",
            "brand != seed.brand",
            "false and false or true",
            "true or true and false",
            "not false and true",
            "-price < 0",
            "attrs.colour == 'camel'",
            "1 + 1 == 2 and 2 != 1",
            "title == 'Camel coat'",
            "not (price < 10 or available == false)",
        ] {
            assert!(holds(truth), "{truth}");
        }
        for lie in [
            "price < 145000",
            "'Men' in category",
            "category[7] == 'Coats'",
            "!available",
            "brand == 'aurelle'",
        ] {
            assert!(!holds(lie), "{lie}");
        }
    }

    #[test]
    fn what_an_item_lacks_makes_comparisons_false_both_ways() {
        for text in
            ["rating >= 4", "rating < 4", "rating == 4", "list_price - price > 0", "attrs.size == 'M'"]
        {
            assert!(!holds(text), "{text}");
        }
        assert!(holds("not (rating >= 4)"));
        let item = coat();
        let alone = Scope { item: &item, seed: None, now_ms: 0 };
        let expression = Expression::parse("price < seed.price or seed.price <= price").unwrap();
        assert!(expression.needs_seed() && !expression.is_true(alone));
        assert_eq!(Expression::parse("1 / 0").unwrap().number(alone), None);
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let message = |text: &str| Expression::parse(text).unwrap_err().to_string();
        assert_eq!(message("price <"), "in \"price <\", character 8: it ends too soon");
        assert_eq!(message("prize < 3"), "in \"prize < 3\", character 1: \"prize < 3\" cannot stand here");
        assert_eq!(message("price < 3 < 4"), "in \"price < 3 < 4\", character 11: \"< 4\" cannot stand here");
        assert_eq!(message("brand > 3"), "in \"brand > 3\": > takes a number, not a text");
        assert_eq!(message("brand == 3"), "in \"brand == 3\": a text == a number cannot be told");
        assert_eq!(message("price and true"), "in \"price and true\": and takes true or false, not a number");
        assert_eq!(message("3 in tags"), "in \"3 in tags\": in takes a text, not a number");
        assert!(message("alert('x')").contains("cannot stand here"));
        assert!(message(&"(".repeat(501)).contains("limit is 500"));
        assert!(Expression::parse(&"(".repeat(500)).is_err());
        assert!(Expression::parse(&format!("{}true", "!".repeat(490))).is_ok());
    }

    #[test]
    fn texts_may_hold_quotes() {
        assert!(holds(r"'it\'s' != title"));
        assert!(holds(r#""it's" != title"#));
    }
}
