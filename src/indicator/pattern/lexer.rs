//! Words, literals and signs of a pattern, each with its place.

use std::ops::Range;

use super::PatternError;

/// One word or sign of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Open,
    Close,
    OpenGroup,
    CloseGroup,
    Comma,
    Dot,
    Colon,
    Star,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Word(String),
    /// A step of a path in double quotes, which some generators write.
    Quoted(String),
    Text(String),
    Int(i64),
    Float(f64),
    Time(String),
    Binary(String),
    Hex(String),
}

pub(super) type Spanned = (Token, Range<usize>);

pub(super) fn lex(text: &str) -> Result<Vec<Spanned>, PatternError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        let taken = rest.get(..end).unwrap_or("").to_owned();
        self.at += end;
        taken
    }

    fn next(&mut self) -> Result<Option<Spanned>, PatternError> {
        self.take_while(|c| c.is_whitespace() || c == '\u{feff}');
        let start = self.at;
        let Some(first) = self.peek() else { return Ok(None) };
        let token = if let Some(sign) = self.sign() {
            sign
        } else if first == '\'' {
            Token::Text(self.quoted('\'')?)
        } else if first == '"' {
            Token::Quoted(self.quoted('"')?)
        } else if first.is_ascii_digit() || first == '-' || first == '+' {
            self.number(start)?
        } else if first.is_alphabetic() || first == '_' {
            self.word(start)?
        } else {
            return Err(PatternError::new(start, format!("`{first}` does not belong in a pattern")));
        };
        Ok(Some((token, start..self.at)))
    }

    fn sign(&mut self) -> Option<Token> {
        // Longer signs stand before the ones they begin with.
        const SIGNS: [(&str, Token); 16] = [
            ("==", Token::Equal),
            ("=", Token::Equal),
            ("!=", Token::NotEqual),
            ("<>", Token::NotEqual),
            ("<=", Token::LessOrEqual),
            (">=", Token::GreaterOrEqual),
            ("<", Token::Less),
            (">", Token::Greater),
            ("[", Token::Open),
            ("]", Token::Close),
            ("(", Token::OpenGroup),
            (")", Token::CloseGroup),
            (",", Token::Comma),
            (".", Token::Dot),
            (":", Token::Colon),
            ("*", Token::Star),
        ];
        SIGNS.into_iter().find(|(sign, _)| self.eat(sign)).map(|(_, token)| token)
    }

    /// Only `\'` and `\\` are escapes. Any other backslash stays: generators write Windows paths as they are.
    fn quoted(&mut self, quote: char) -> Result<String, PatternError> {
        let start = self.at;
        let mut value = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((offset, character)) = characters.next() {
            if character == quote {
                self.at += offset + 1;
                return Ok(value);
            }
            match characters.peek() {
                Some((_, next)) if character == '\\' && (*next == quote || *next == '\\') => {
                    value.push(*next);
                    characters.next();
                }
                _ => value.push(character),
            }
        }
        Err(PatternError::new(start, "the quote is not closed"))
    }

    fn number(&mut self, start: usize) -> Result<Token, PatternError> {
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let mut digits = self.take_while(|c| c.is_ascii_digit());
        let fraction =
            self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if fraction {
            self.eat(".");
            digits = format!("{digits}.{}", self.take_while(|c| c.is_ascii_digit()));
        }
        if negative {
            digits.insert(0, '-');
        }
        let broken = || PatternError::new(start, "not a number");
        if self.peek().is_some_and(|c| c.is_alphanumeric() || c == '_') {
            return Err(broken());
        }
        if fraction {
            digits.parse().map(Token::Float).map_err(|_| broken())
        } else {
            digits.parse().map(Token::Int).map_err(|_| broken())
        }
    }

    fn word(&mut self, start: usize) -> Result<Token, PatternError> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_' || c == '-');
        if self.peek() != Some('\'') || word.len() != 1 {
            return Ok(Token::Word(word));
        }
        let value = self.quoted('\'')?;
        match word.as_str() {
            "t" => match value.parse::<jiff::Timestamp>() {
                Ok(_) if value.ends_with('Z') => Ok(Token::Time(value)),
                _ => Err(PatternError::new(start, format!("`{value}` is not a UTC time"))),
            },
            "h" => match crate::record::unhex(&value) {
                Some(_) => Ok(Token::Hex(value)),
                None => Err(PatternError::new(start, format!("`{value}` is not hexadecimal"))),
            },
            "b" if is_base64(&value) => Ok(Token::Binary(value)),
            "b" => Err(PatternError::new(start, format!("`{value}` is not base64"))),
            _ => Err(PatternError::new(start, format!("no literal begins with `{word}`"))),
        }
    }
}

fn is_base64(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}
