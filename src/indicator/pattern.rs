//! STIX 2.0 and 2.1 patterns: the whole grammar, with the place of every mistake.
//!
//! [`parse`] reads what the language allows (and a few spellings that publishers use against it); [`lower`] says which single
//! values such a pattern asks for. What a set of values cannot express is named, not approximated.

mod lexer;
mod lower;

use std::ops::Range;

use lexer::{Spanned, Token};
pub use lower::{Lowered, lower};

/// Longer patterns are refused: the longest published ones have a few hundred characters.
const MAX_LENGTH_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 64;

/// Why a pattern cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {offset})")]
pub struct PatternError {
    pub message: String,
    /// Byte offset in the pattern.
    pub offset: usize,
}

impl PatternError {
    fn new(offset: usize, message: impl Into<String>) -> PatternError {
        PatternError { message: message.into(), offset }
    }
}

/// Observation expressions and how they hang together.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `[…]`
    Observation(Expression),
    /// Operands of one operator; never fewer than two.
    Joined(Join, Vec<Pattern>),
    Qualified(Box<Pattern>, Vec<Qualifier>),
}

/// How observations are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    And,
    Or,
    FollowedBy,
}

/// What is asked of the observations beyond their content.
#[derive(Clone, Debug, PartialEq)]
pub enum Qualifier {
    Within { seconds: f64 },
    Repeats { times: i64 },
    Between { start: String, stop: String },
}

/// What stands inside one pair of brackets.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Comparison(Comparison),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// `path operator literal`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    pub path: ObjectPath,
    pub negated: bool,
    pub operator: Operator,
    /// None for `EXISTS`, several for `IN`, else one.
    pub values: Vec<Literal>,
    /// Bytes of the pattern.
    pub span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Like,
    Matches,
    IsSubset,
    IsSuperset,
    Exists,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// As written, checked to be a UTC time.
    Time(String),
    /// Base64, as written.
    Binary(String),
    /// As written.
    Hex(String),
}

/// `file:hashes.'SHA-256'`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPath {
    pub object: String,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Name(String),
    Index(i64),
    Any,
}

impl std::fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.object)?;
        for (position, step) in self.steps.iter().enumerate() {
            match step {
                Step::Name(name) if position == 0 => f.write_str(name)?,
                Step::Name(name) => write!(f, ".{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Any => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}

/// Reads a pattern.
///
/// # Errors
/// Where the text is not a pattern, is longer than a mebibyte or nests deeper than 64 levels.
pub fn parse(text: &str) -> Result<Pattern, PatternError> {
    if text.len() > MAX_LENGTH_BYTES {
        return Err(PatternError::new(MAX_LENGTH_BYTES, "the pattern is longer than 1 MiB"));
    }
    let mut parser = Parser { tokens: lexer::lex(text)?, next: 0, end: text.len(), depth: 0 };
    let pattern = parser.followed_by()?;
    match parser.peek() {
        None => Ok(pattern),
        Some(_) => Err(parser.unexpected("AND, OR, FOLLOWEDBY, a qualifier or the end")),
    }
}

struct Parser {
    tokens: Vec<Spanned>,
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(token, _)| token)
    }

    fn offset(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(_, span)| span.start)
    }

    /// Where the token before the next one ends.
    fn behind(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, |(_, span)| span.end)
    }

    fn unexpected(&self, expected: &str) -> PatternError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Token::Word(word)) => format!("`{word}`"),
            Some(token) => format!("{token:?}").to_lowercase(),
        };
        PatternError::new(self.offset(), format!("expected {expected}, found {found}"))
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let found = self.peek() == Some(wanted);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &Token, name: &str) -> Result<(), PatternError> {
        if self.take(wanted) { Ok(()) } else { Err(self.unexpected(name)) }
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.next += usize::from(found);
        found
    }

    fn expect_word(&mut self, wanted: &str) -> Result<(), PatternError> {
        if self.take_word(wanted) { Ok(()) } else { Err(self.unexpected(wanted)) }
    }

    /// One level deeper into parentheses.
    fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PatternError>,
    ) -> Result<T, PatternError> {
        if self.depth >= MAX_DEPTH {
            return Err(PatternError::new(self.offset(), "nested deeper than 64 levels"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn joined(
        &mut self,
        join: Join,
        word: &str,
        operand: fn(&mut Self) -> Result<Pattern, PatternError>,
    ) -> Result<Pattern, PatternError> {
        let first = operand(self)?;
        let mut operands = vec![first];
        while self.take_word(word) {
            operands.push(operand(self)?);
        }
        Ok(match operands.pop() {
            Some(only) if operands.is_empty() => only,
            last => Pattern::Joined(join, operands.into_iter().chain(last).collect()),
        })
    }

    // AND binds tightest between observations, then OR, then FOLLOWEDBY.
    fn followed_by(&mut self) -> Result<Pattern, PatternError> {
        self.joined(Join::FollowedBy, "FOLLOWEDBY", Self::any_of)
    }

    fn any_of(&mut self) -> Result<Pattern, PatternError> {
        self.joined(Join::Or, "OR", Self::all_of)
    }

    fn all_of(&mut self) -> Result<Pattern, PatternError> {
        self.joined(Join::And, "AND", Self::qualified)
    }

    fn qualified(&mut self) -> Result<Pattern, PatternError> {
        let pattern = self.observation()?;
        let mut qualifiers: Vec<Qualifier> = Vec::new();
        loop {
            let start = self.offset();
            let Some(qualifier) = self.qualifier()? else { break };
            let kind = std::mem::discriminant(&qualifier);
            if qualifiers.iter().any(|known| std::mem::discriminant(known) == kind) {
                return Err(PatternError::new(start, "the same qualifier twice"));
            }
            qualifiers.push(qualifier);
        }
        Ok(if qualifiers.is_empty() { pattern } else { Pattern::Qualified(Box::new(pattern), qualifiers) })
    }

    fn observation(&mut self) -> Result<Pattern, PatternError> {
        if self.take(&Token::Open) {
            let expression = self.or_expression()?;
            self.expect(&Token::Close, "AND, OR or `]`")?;
            return Ok(Pattern::Observation(expression));
        }
        if self.take(&Token::OpenGroup) {
            let pattern = self.nested(Self::followed_by)?;
            self.expect(&Token::CloseGroup, "`)`")?;
            return Ok(pattern);
        }
        Err(self.unexpected("`[` or `(`"))
    }

    fn qualifier(&mut self) -> Result<Option<Qualifier>, PatternError> {
        if self.take_word("WITHIN") {
            let at = self.offset();
            let seconds = match self.literal()? {
                Literal::Int(seconds) => seconds as f64,
                Literal::Float(seconds) => seconds,
                _ => return Err(PatternError::new(at, "WITHIN needs a number of seconds")),
            };
            if seconds <= 0.0 {
                return Err(PatternError::new(at, "WITHIN needs a positive number"));
            }
            self.expect_word("SECONDS")?;
            return Ok(Some(Qualifier::Within { seconds }));
        }
        if self.take_word("REPEATS") {
            let at = self.offset();
            let times = match self.literal()? {
                Literal::Int(times) if times > 0 => times,
                _ => return Err(PatternError::new(at, "REPEATS needs a positive whole number")),
            };
            self.expect_word("TIMES")?;
            return Ok(Some(Qualifier::Repeats { times }));
        }
        if self.take_word("START") {
            let start = self.time()?;
            self.expect_word("STOP")?;
            let stop = self.time()?;
            return Ok(Some(Qualifier::Between { start, stop }));
        }
        Ok(None)
    }

    fn time(&mut self) -> Result<String, PatternError> {
        let at = self.offset();
        match self.literal()? {
            // STIX 2.0 wrote these times as plain strings.
            Literal::Time(time) => Ok(time),
            Literal::Text(time) if time.parse::<jiff::Timestamp>().is_ok() => Ok(time),
            _ => Err(PatternError::new(at, "expected a time such as t'2024-01-01T00:00:00Z'")),
        }
    }

    fn or_expression(&mut self) -> Result<Expression, PatternError> {
        self.expressions("OR", Expression::Or, Self::and_expression)
    }

    fn and_expression(&mut self) -> Result<Expression, PatternError> {
        self.expressions("AND", Expression::And, Self::comparison)
    }

    fn expressions(
        &mut self,
        word: &str,
        join: fn(Vec<Expression>) -> Expression,
        operand: fn(&mut Self) -> Result<Expression, PatternError>,
    ) -> Result<Expression, PatternError> {
        let first = operand(self)?;
        let mut operands = vec![first];
        while self.take_word(word) {
            operands.push(operand(self)?);
        }
        Ok(match operands.pop() {
            Some(only) if operands.is_empty() => only,
            last => join(operands.into_iter().chain(last).collect()),
        })
    }

    fn comparison(&mut self) -> Result<Expression, PatternError> {
        if self.take(&Token::OpenGroup) {
            let expression = self.nested(Self::or_expression)?;
            self.expect(&Token::CloseGroup, "AND, OR or `)`")?;
            return Ok(expression);
        }
        let start = self.offset();
        let negated_first = self.take_word("NOT");
        if self.take_word("EXISTS") {
            let path = self.path()?;
            return Ok(Expression::Comparison(Comparison {
                path,
                negated: negated_first,
                operator: Operator::Exists,
                values: Vec::new(),
                span: start..self.behind(),
            }));
        }
        let path = self.path()?;
        let negated = self.take_word("NOT") || negated_first;
        let operator = self.operator()?;
        let values = if operator == Operator::In { self.list()? } else { vec![self.operand(operator)?] };
        Ok(Expression::Comparison(Comparison { path, negated, operator, values, span: start..self.behind() }))
    }

    fn operator(&mut self) -> Result<Operator, PatternError> {
        let operator = match self.peek() {
            Some(Token::Equal) => Operator::Equal,
            Some(Token::NotEqual) => Operator::NotEqual,
            Some(Token::Less) => Operator::Less,
            Some(Token::LessOrEqual) => Operator::LessOrEqual,
            Some(Token::Greater) => Operator::Greater,
            Some(Token::GreaterOrEqual) => Operator::GreaterOrEqual,
            Some(Token::Word(word)) => match word.as_str() {
                "IN" => Operator::In,
                "LIKE" => Operator::Like,
                "MATCHES" => Operator::Matches,
                "ISSUBSET" => Operator::IsSubset,
                "ISSUPERSET" => Operator::IsSuperset,
                _ => return Err(self.unexpected("an operator")),
            },
            _ => return Err(self.unexpected("an operator")),
        };
        self.next += 1;
        Ok(operator)
    }

    fn operand(&mut self, operator: Operator) -> Result<Literal, PatternError> {
        let at = self.offset();
        let literal = self.literal()?;
        let text_only = matches!(
            operator,
            Operator::Like | Operator::Matches | Operator::IsSubset | Operator::IsSuperset
        );
        let ordered = matches!(
            operator,
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual
        );
        match literal {
            Literal::Text(_) => Ok(literal),
            _ if text_only => Err(PatternError::new(at, "this operator needs a string")),
            Literal::Bool(_) if ordered => Err(PatternError::new(at, "a boolean has no order")),
            _ => Ok(literal),
        }
    }

    fn list(&mut self) -> Result<Vec<Literal>, PatternError> {
        self.expect(&Token::OpenGroup, "`(`")?;
        let mut values = Vec::new();
        loop {
            values.push(self.literal()?);
            if !self.take(&Token::Comma) {
                break;
            }
        }
        self.expect(&Token::CloseGroup, "`,` or `)`")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, PatternError> {
        let literal = match self.peek() {
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Int(number)) => Literal::Int(*number),
            Some(Token::Float(number)) => Literal::Float(*number),
            Some(Token::Time(time)) => Literal::Time(time.clone()),
            Some(Token::Binary(base64)) => Literal::Binary(base64.clone()),
            Some(Token::Hex(hex)) => Literal::Hex(hex.clone()),
            Some(Token::Word(word)) if word == "true" => Literal::Bool(true),
            Some(Token::Word(word)) if word == "false" => Literal::Bool(false),
            _ => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(literal)
    }

    fn path(&mut self) -> Result<ObjectPath, PatternError> {
        const KEYWORDS: [&str; 12] = [
            "AND",
            "OR",
            "NOT",
            "IN",
            "LIKE",
            "MATCHES",
            "ISSUBSET",
            "ISSUPERSET",
            "EXISTS",
            "FOLLOWEDBY",
            "WITHIN",
            "REPEATS",
        ];
        let object = match self.peek() {
            Some(Token::Word(word)) if !KEYWORDS.contains(&word.as_str()) => word.clone(),
            _ => return Err(self.unexpected("a property such as `domain-name:value`")),
        };
        self.next += 1;
        self.expect(&Token::Colon, "`:`")?;
        let mut steps = vec![self.name()?];
        loop {
            if self.take(&Token::Dot) {
                steps.push(self.name()?);
            } else if self.take(&Token::Open) {
                steps.push(self.index()?);
                self.expect(&Token::Close, "`]`")?;
            } else {
                return Ok(ObjectPath { object, steps });
            }
        }
    }

    fn name(&mut self) -> Result<Step, PatternError> {
        // The grammar wants quotes around a step with a hyphen; `hashes.SHA-256` is written all the same.
        let name = match self.peek() {
            Some(Token::Word(name) | Token::Text(name) | Token::Quoted(name)) => name.clone(),
            _ => return Err(self.unexpected("the name of a property")),
        };
        self.next += 1;
        Ok(Step::Name(name))
    }

    fn index(&mut self) -> Result<Step, PatternError> {
        let step = match self.peek() {
            Some(Token::Star) => Step::Any,
            Some(Token::Int(index)) => Step::Index(*index),
            _ => return Err(self.unexpected("a number or `*`")),
        };
        self.next += 1;
        Ok(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: [&str; 34] = [
        "[domain-name:value='evil.example']",
        "[ domain-name:value = 'evil.example' ]",
        "[file:hashes.sha256='aa']",
        "[file:hashes.'SHA-256' = 'aa']",
        "[file:hashes.SHA-256 = 'aa']",
        "[file:hashes.\"SHA-256\" = 'aa']",
        "[url:value='http://a.example/?x=1&y=2']",
        r"[file:name = 'it\'s \\ here']",
        r"[file:path = 'C:\Windows\x']",
        "[file:name = '']",
        "[file:size > 10 AND file:size <= 20]",
        "[file:size != -1]",
        "[x-thing:score >= 0.5]",
        "[x-thing:open = true OR x-thing:open != false]",
        "[process:created > t'2024-01-02T03:04:05.678Z']",
        "[artifact:payload_bin = b'AAEC']",
        "[artifact:payload_bin = h'0aFF']",
        "[file:name IN ('a', 'b' , 'c')]",
        "[file:name NOT IN ('a')]",
        "[domain-name:value LIKE '%.evil.example']",
        "[file:name MATCHES '^a.*b$']",
        "[ipv4-addr:value ISSUBSET '192.0.2.0/24']",
        "[ipv4-addr:value NOT ISSUPERSET '192.0.2.1']",
        "[EXISTS file:name]",
        "[NOT EXISTS file:name]",
        "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x']",
        "[email-message:body_multipart[*].body_raw_ref.name = 'x' AND email-message:to_refs[0].value = 'y']",
        "[(file:name = 'a' OR file:name = 'b') AND file:size = 1]",
        "[file:name = 'a'] AND [file:name = 'b'] OR [file:name = 'c']",
        "([file:name = 'a'] FOLLOWEDBY [file:name = 'b']) WITHIN 300 SECONDS",
        "[file:name = 'a'] REPEATS 5 TIMES WITHIN 1.5 SECONDS",
        "[file:name = 'a'] START t'2024-01-01T00:00:00Z' STOP t'2024-02-01T00:00:00Z'",
        // stix-rs takes a slice that begins after its end on these two.
        "[file:hashes.MD5 = 'a' OR file:name = 'b'] AND [file:name = 'c']",
        "[file:name = 'a'] OR ([file:name = 'b'] AND [file:name = 'c'])",
    ];

    const INVALID: [(&str, usize); 26] = [
        ("", 0),
        ("domain-name:value='x'", 0),
        ("[domain-name:value='x'", 22),
        ("[domain-name:value=]", 19),
        ("[domain-name:value='abc]", 19),
        ("[domain-name='x']", 12),
        ("[:value='x']", 1),
        ("[file:hashes.MD5 = cead]", 19),
        ("[]", 1),
        ("[file:name = 'a' and file:size = 1]", 17),
        ("[file:name = 'a' AND]", 20),
        ("[file:name LIKE 5]", 16),
        ("[file:size > true]", 13),
        ("[file:name IN ()]", 15),
        ("[file:name IN 'a']", 14),
        ("[x:y = t'yesterday']", 7),
        ("[x:y = h'0']", 7),
        ("[x:y = b'A']", 7),
        ("[x:y = q'A']", 7),
        ("[x:y = 12ab]", 7),
        ("[x:y = 99999999999999999999]", 7),
        ("[file:name = 'a'] WITHIN SECONDS", 25),
        ("[file:name = 'a'] REPEATS 0 TIMES", 26),
        ("[file:name = 'a'] WITHIN 1 SECONDS WITHIN 2 SECONDS", 35),
        ("[file:name = 'a'] START t'2024-01-01T00:00:00Z'", 47),
        ("[file:name = 'a'] [file:name = 'b']", 18),
    ];

    #[test]
    fn valid_patterns_parse() {
        for pattern in VALID {
            if let Err(error) = parse(pattern) {
                panic!("{pattern}: {error}");
            }
        }
    }

    #[test]
    fn invalid_patterns_say_where() {
        for (pattern, offset) in INVALID {
            match parse(pattern) {
                Err(error) => assert_eq!(error.offset, offset, "{pattern}: {error}"),
                Ok(parsed) => panic!("{pattern} parsed as {parsed:?}"),
            }
        }
        assert_eq!(
            parse("[file:name = 'a' and file:size = 1]").unwrap_err().to_string(),
            "expected AND, OR or `]`, found `and` (at byte 17)"
        );
    }

    #[test]
    fn and_binds_tighter_than_or_tighter_than_followedby() {
        let parsed = parse("[a:b=1] FOLLOWEDBY [a:b=2] OR [a:b=3] AND [a:b=4]").unwrap();
        let Pattern::Joined(Join::FollowedBy, order) = parsed else { panic!("{parsed:?}") };
        let Pattern::Joined(Join::Or, either) = &order[1] else { panic!("{order:?}") };
        assert!(matches!(either[1], Pattern::Joined(Join::And, _)));
    }

    #[test]
    fn a_comparison_knows_its_place() {
        let text = "[file:size = 1 OR file:name = 'x' ]";
        let Ok(Pattern::Observation(Expression::Or(items))) = parse(text) else { panic!() };
        let Expression::Comparison(second) = &items[1] else { panic!() };
        assert_eq!(&text[second.span.clone()], "file:name = 'x'");
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = "(".repeat(100_000);
        assert_eq!(parse(&deep).unwrap_err().message, "nested deeper than 64 levels");
        assert!(parse(&format!("[a:b='{}']", "x".repeat(1 << 20))).is_err());
        let wide = vec!["[a:b=1]"; 20_000].join(" OR ");
        assert!(parse(&wide).is_ok());
    }

    #[test]
    fn cut_patterns_do_not_panic() {
        for pattern in VALID {
            for end in 0..pattern.len() {
                if let Some(cut) = pattern.get(..end) {
                    let _ = parse(cut);
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in r#"([\[\]()'"=<>!.:,*\\ a-zA-Zé0-9-]|AND|OR|NOT|IN|LIKE|t'|file:name){0,40}"#) {
            if let Ok(pattern) = parse(&text) {
                let _ = lower(&pattern);
            }
        }
    }
}
