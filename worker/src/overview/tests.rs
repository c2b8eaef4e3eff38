use tavana_wire::status::QueryRow;
use tavana_wire::{Role, SessionState};

use super::*;

fn call(principal: &str, query: QueryId) -> Call {
    Call::of(SessionState::new(principal, Role::User), query)
}

fn overview(count: usize) -> Overview {
    Overview { queries: vec![QueryRow::default(); count], ..Overview::default() }
}

fn found(overviews: &Overviews, call: &Call) -> Option<usize> {
    overviews.find(call).map(|tables| tables["tavana_queries"].len())
}

#[test]
fn rows_are_for_one_statement_of_one_principal() {
    let overviews = Overviews::default();
    let (one, other) = (QueryId::random(), QueryId::random());
    overviews.put(&call("ada", one), &overview(1), 10);
    assert_eq!(found(&overviews, &call("ada", one)), Some(1));
    // It may be planned first and run later.
    assert_eq!(found(&overviews, &call("ada", one)), Some(1));
    assert_eq!(found(&overviews, &call("ada", other)), None);
    assert_eq!(found(&overviews, &call("bob", one)), None);
    overviews.put(&call("bob", one), &overview(2), 10);
    overviews.put(&call("ada", one), &overview(3), 10);
    assert_eq!(found(&overviews, &call("bob", one)), Some(2));
    assert_eq!(found(&overviews, &call("ada", one)), Some(3));
}

#[test]
fn what_waits_is_bounded() {
    let overviews = Overviews::default();
    let ids: Vec<QueryId> = (0..10).map(|_| QueryId::random()).collect();
    for &id in &ids {
        overviews.put(&call("ada", id), &overview(1), MAX_OVERVIEW_BYTES);
    }
    let kept = ids.iter().filter(|&&id| found(&overviews, &call("ada", id)).is_some()).count();
    assert_eq!((kept, found(&overviews, &call("ada", ids[9]))), (8, Some(1)));
}
