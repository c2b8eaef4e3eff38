//! The SQLSTATE for what DuckDB says.
//!
//! DuckDB has a dozen kinds of exceptions, PostgreSQL a few hundred states, and clients decide by them whether to try again,
//! what to show, what to blame. What parts the states is only in the words of a message, so those are searched for phrases:
//! first for those that mean the same whichever exception says them, then for those of the exception. The first found counts.

/// The state for a message, or what was told already.
pub(super) fn refine(told: &'static str, exception: &str, text: &str) -> &'static str {
    let has = |(phrase, _): &&(&str, &str)| text.contains(phrase);
    if let Some((_, state)) = ANYWHERE.iter().find(has) {
        return state;
    }
    let binding = matches!(exception, "Binder" | "Catalog");
    let tables: &[Phrases] = match exception {
        _ if binding && text.contains("already exists") => &[EXISTS],
        "Binder" | "Catalog" | "Parser" => &[BINDING],
        "Constraint" => &[CONSTRAINTS],
        "Conversion" if is_too_large(text) => return "22003",
        "Conversion" => &[CONVERSIONS],
        "Invalid Input" => &[INPUT],
        "Transaction" | "TransactionContext" => &[TRANSACTIONS],
        _ => &[],
    };
    if let Some((_, state)) = tables.iter().flat_map(|table| table.iter()).find(has) {
        return state;
    }
    match exception {
        "Parser" | "Syntax" => "42601",
        "Conversion" => "22P02",
        "Out of Range" => "22003",
        _ => told,
    }
}

/// Whether a text that could not be read is a number, only too large for its type.
fn is_too_large(message: &str) -> bool {
    let Some((_, rest)) = message.split_once("Could not convert string ") else { return false };
    let value = rest.get(1..).and_then(|rest| rest.split(['\'', '"']).next()).unwrap_or("").trim();
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let number = |symbols: &[char]| {
        digits.starts_with(|first: char| first.is_ascii_digit())
            && digits.chars().all(|symbol| symbol.is_ascii_digit() || symbols.contains(&symbol))
    };
    match () {
        () if rest.contains("to INT") && !rest.contains("INTERVAL") => number(&[]),
        () if rest.contains("to DECIMAL") || rest.contains("to DOUBLE") || rest.contains("to FLOAT") => {
            number(&['.', 'e', 'E', '-', '+'])
        }
        () => false,
    }
}

/// What a message contains, and the state for it.
type Phrases = &'static [(&'static str, &'static str)];

/// Many of these are the words of our own macros.
const ANYWHERE: Phrases = &[
    ("division by zero", "22012"),
    ("Division by zero", "22012"),
    ("Macro bytea_in() does not support", "42846"),
    ("and DECIMAL(1,0) in COALESCE", "42846"),
    ("when casting from source column", "42804"),
    ("Unimplemented type for cast", "42846"),
    ("Macro ", "42883"),
    ("negative substring length", "22011"),
    ("missing ): ", "2201B"),
    ("missing ]: ", "2201B"),
    ("invalid regular expression", "2201B"),
    ("no argument for repetition operator", "2201B"),
    ("invalid escape sequence", "2201B"),
    ("nvalid escape string", "22025"),
    ("square root of a negative number", "2201F"),
    ("logarithm of", "2201E"),
    ("a negative number raised to a non-integer power", "2201F"),
    ("zero raised to a negative power", "2201F"),
    ("is undefined outside [-1,1]", "22003"),
    ("expected format is ([YYYY-MM-DD ]HH", "22007"),
    ("field value out of range", "22008"),
    ("ate out of range", "22008"),
    ("annot subtract infinite", "22008"),
    ("imestamp out of range", "22008"),
    ("Unknown TimeZone", "22023"),
    ("extract specifier", "22023"),
    ("Invalid UTF8 Codepoint", "22023"),
    ("Invalid input for hex digit", "22023"),
    ("unrecognized encoding", "22023"),
    (" a JSON value that is no ", "22023"),
    ("field position must not be zero", "22023"),
    ("value out of range: overflow", "22003"),
    ("interval cannot be 0", "22023"),
    ("requires an even number of arguments", "22023"),
    ("nrecognized configuration parameter", "42704"),
    ("More than one row returned by a subquery", "21000"),
    ("null character not permitted", "54000"),
    ("pg_verifymbstr", "22021"),
    ("no values were bound", "42P02"),
];

const EXISTS: Phrases = &[("Schema with name", "42P06"), ("olumn", "42701"), ("", "42P07")];

const BINDING: Phrases = &[
    (super::TYPE_OF_CHECKED, "0A000"),
    ("Subquery returns ", "42601"),
    ("Set operations can only apply", "42601"),
    ("Cannot cast STRUCTs of different size", "42601"),
    ("expression without FROM clause", "42601"),
    ("term out of range", "42P10"),
    ("columns available but", "42P10"),
    ("LIMIT/OFFSET cannot be negative", "2201W"),
    ("Ambiguous reference to table", "42712"),
    ("Duplicate alias", "42712"),
    ("Duplicate column name", "42701"),
    ("Ambiguous reference", "42702"),
    ("because it is not a struct", "42P01"),
    ("olumn with name", "42703"),
    ("the FROM clause is missing", "42703"),
    ("not found in FROM clause", "42703"),
    ("does not have a column", "42703"),
    ("Referenced update column", "42703"),
    ("side of join", "42703"),
    ("Referenced table", "42P01"),
    ("No function matches", "42883"),
    ("unction with name", "42883"),
    ("Type with name", "42704"),
    ("Index with name", "42704"),
    ("Schema with name", "3F000"),
    ("No catalog + schema named", "3F000"),
    ("GROUP BY", "42803"),
    ("aggregate", "42803"),
    ("WHERE clause cannot contain", "42P20"),
    ("window functions are not allowed", "42P20"),
    ("Cannot compare values of type", "42883"),
    ("Cannot mix values of type", "42804"),
    ("Could not choose a best candidate function", "42725"),
    ("trying to drop type", "42809"),
    ("Table with name", "42P01"),
    ("View with name", "42P01"),
    ("Sequence with name", "42P01"),
];

const CONSTRAINTS: Phrases = &[
    ("uplicate key", "23505"),
    ("violates unique", "23505"),
    ("violates primary key", "23505"),
    ("NOT NULL", "23502"),
    // The length of a varchar(n) or char(n); see `length_check` of the translation.
    (" >= character_length(rtrim(", "22001"),
    (" >= char_length(rtrim(", "22001"),
    ("CHECK", "23514"),
    ("foreign key", "23503"),
    ("FOREIGN KEY", "23503"),
];

const CONVERSIONS: Phrases = &[
    ("out of range", "22003"),
    ("overflow", "22003"),
    ("Could not cast value", "22003"),
    ("timestamp", "22007"),
    ("date field", "22007"),
    ("time field", "22007"),
    ("to INTERVAL", "22007"),
];

const INPUT: Phrases = &[
    ("syntax for type", "22P02"),
    ("Could not parse string", "22007"),
    ("relation ", "42P01"),
    ("type \"", "42704"),
    ("function \"", "42883"),
    ("read-only", "25006"),
];

const TRANSACTIONS: Phrases = &[("aborted", "25P02"), ("read-only", "25006"), ("onflict", "40001")];

#[cfg(test)]
mod tests {
    use super::refine;

    #[test]
    fn phrases_decide() {
        let check = |exception: &str, text: &str, state: &str| {
            assert_eq!(refine("42804", exception, text), state, "{exception}: {text}");
        };
        check("Conversion", "Could not convert string '32768' to INT16", "22003");
        check("Conversion", "Could not convert string '3x' to INT16", "22P02");
        check("Conversion", "Could not convert string '12' to INTERVAL", "22007");
        check("Conversion", "Unimplemented type for cast (BOOLEAN -> DATE)", "42846");
        check("Conversion", "date field value out of range: \"2023-02-29\"", "22008");
        check("Catalog", "Table with name \"t\" already exists!", "42P07");
        check("Binder", "something else", "42804");
    }
}
