//! Which statements are planned at all.
//!
//! Parsers and planners walk a statement by calling themselves, so that one that is nested deep enough ends the process, whatever memory
//! there is; and some take time that grows with the square of what they are given. Parentheses are counted by the parser. But a chain of a
//! thousand ANDs, joins or UNIONs is as deep as a thousand parentheses, and has none. So what is too long is told from its tokens, before
//! anything is parsed, and DuckDB's own plan is asked for, or history.

use super::places::{Place, Places};
use super::tokens::{TokenKind, tokens};

/// Tokens of one chain: those of a pair of parentheses from one comma to the next. Most levels take two of them or more. Within it planning takes
/// less than a second, and less than the stack that it has.
const MAX_CHAIN: usize = 1_000;
/// What a subscript counts in a chain: planning takes time that grows with the cube of their number.
const SUBSCRIPT: usize = 10;
/// Places at which relations are named; each is a level of joins.
const MAX_RELATIONS: usize = 100;
/// Pairs of parentheses within each other.
const MAX_PARENTHESES: usize = 200;

/// Why a text is not to be planned; `None` when it may be.
pub(super) fn refusal(sql: &str) -> Option<String> {
    let mut places = Places::default();
    let mut relations = 0;
    let mut chain = 0;
    let mut around: Vec<usize> = Vec::new();
    for token in tokens(sql) {
        relations += usize::from(places.next(&token) == Place::Relation);
        chain += 1;
        match token.text {
            _ if token.kind != TokenKind::Symbol => {}
            "(" | "[" | "{" => around.push(std::mem::take(&mut chain)),
            // What stood before them goes on behind them.
            ")" | "}" => chain = around.pop().unwrap_or_default() + 1,
            "]" => chain = around.pop().unwrap_or_default() + SUBSCRIPT,
            "," | ";" => chain = 0,
            _ => {}
        }
        if chain > MAX_CHAIN {
            return Some(format!("it chains more than {MAX_CHAIN} words and operators"));
        }
        if relations > MAX_RELATIONS {
            return Some(format!("it names more than {MAX_RELATIONS} relations"));
        }
        if around.len() > MAX_PARENTHESES {
            return Some(format!("it is nested more than {MAX_PARENTHESES} deep"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_bounded_and_lists_are_not() {
        fn check(sql: &str, refused: Option<&str>) {
            let found = refusal(sql);
            assert_eq!(found.is_some(), refused.is_some(), "{found:?} of {:.60}", sql);
            assert!(found.unwrap_or_default().contains(refused.unwrap_or_default()), "{:.60}", sql);
        }
        let times = |text: &str, count: usize| text.repeat(count);
        check(&format!("select * from t where i in ({})", times("1,", 50_000)), None);
        check(&format!("insert into t values {}", times("(-1, 'a' || 'b'),", 20_000)), None);
        check(&format!("select {} from t", times("a + b as c,", 5_000)), None);
        check(&format!("select {}1", times("1+", 490)), None);
        check(&format!("select {}1", times("1+", 5_000)), Some("chains"));
        check(&format!("select {}1", times("f(a, b)+", 5_000)), Some("chains"));
        check(&format!("select * from t where {}i = 1", times("i = 1 and ", 5_000)), Some("chains"));
        check(&format!("select * from t {}", times("join t on true ", 95)), None);
        check(&format!("select * from t {}", times("join t ", 500)), Some("relations"));
        check(&format!("select * from t{}", times(", t", 5_000)), Some("relations"));
        check(&format!("select 1 {}", times("union select 1 ", 5_000)), Some("chains"));
        check(&format!("select {}1{}", times("(", 10_000), times(")", 10_000)), Some("nested"));
        check(&format!("select {}", times("[", 10_000)), Some("nested"));
        check(&format!("select s{}", times("[1]", 500)), Some("chains"));
        check(&format!("select {}", times("[1, 2],", 500)), None);
        check(&times(")", 999), None);
    }
}
