//! Where calls go: homes, pins, and what is told when they are gone.

use arrow_flight::{Action, Ticket};
use tavana_wire::handle::{StoredTicket, Work};
use tavana_wire::{SessionState, WorkerId, headers};
use tonic::Code;

use super::fake::{Fake, Rig, data, not_connected, ok, reply, request, session};
use super::{metadata, statement};

fn close_session() -> Action {
    Action { r#type: "CloseSession".to_owned(), ..Action::default() }
}

#[tokio::test]
async fn a_session_goes_home() {
    let workers = [Fake::fine(), Fake::fine(), Fake::fine()];
    let rig = Rig::new(&workers.each_ref()).await;
    for home in &workers {
        let before = home.calls();
        let mut request = request("GetFlightInfo", &statement());
        let bearer = rig.bearer(&session(Some(home.id)));
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        assert_eq!(rig.outcome(request).await.code(), Code::Ok);
        assert_eq!(home.calls(), before + 1);
    }
}

#[tokio::test]
async fn a_home_learned_from_a_reply_counts_for_older_tokens() {
    let token = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let given = token.clone();
    let (first, home) = (
        Fake::fine(),
        Fake::new(move |_| {
            let mut reply = reply([Ok(data(b"fine")), Ok(ok())]);
            if let Some(token) = given.get() {
                headers::give_session(reply.headers_mut(), token);
            }
            async { Ok(reply) }
        }),
    );
    let rig = Rig::new(&[&first, &home]).await;
    let old = session(None);
    let newer = SessionState { version: 2, home: home.id.to_vec(), ..old.clone() };
    token.set(rig.bearer(&newer).trim_start_matches("Bearer ").to_owned()).unwrap();
    let call = async |session: &SessionState| {
        let mut request = request("GetFlightInfo", &metadata());
        request.headers_mut().insert("authorization", rig.bearer(session).parse().unwrap());
        let outcome = rig.outcome(request).await;
        assert_eq!(outcome.code(), Code::Ok);
        headers::bearer(&outcome.headers).map(str::to_owned)
    };
    assert_eq!(call(&newer).await.as_ref(), token.get(), "the worker's token passes as it is");
    assert_eq!((first.calls(), home.calls()), (0, 1));
    call(&old).await;
    assert_eq!((first.calls(), home.calls()), (0, 2));

    // Closed, it is forgotten.
    let mut close = request("DoAction", &close_session());
    close.headers_mut().insert("authorization", rig.bearer(&old).parse().unwrap());
    assert_eq!(rig.outcome(close).await.code(), Code::Ok);
    call(&old).await;
    assert_eq!(first.calls(), 1);
}

#[tokio::test]
async fn what_a_gone_worker_held_is_told_to_be_gone() {
    let worker = Fake::fine();
    let rig = Rig::new(&[&worker]).await;
    let gone = WorkerId::random();
    let homeless = session(Some(gone));
    let mut lost = request("GetFlightInfo", &statement());
    lost.headers_mut().insert("authorization", rig.bearer(&homeless).parse().unwrap());
    let outcome = rig.outcome(lost).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::FailedPrecondition, "session_gone"));
    assert!(outcome.message().contains("temporary tables"), "{}", outcome.message());

    let stored = StoredTicket { worker_id: gone.to_vec(), ..StoredTicket::default() };
    let ticket = Ticket { ticket: rig.sealed(&session(None), Work::Stored(stored)) };
    let outcome = rig.outcome(request("DoGet", &ticket)).await;
    assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "result_lost"));
    assert_eq!(worker.calls(), 0);

    // Nothing is left to close, so closing is no failure.
    let mut close = request("DoAction", &close_session());
    close.headers_mut().insert("authorization", rig.bearer(&homeless).parse().unwrap());
    assert_eq!(rig.outcome(close).await.code(), Code::Ok);
    assert_eq!(worker.calls(), 1);
}

#[tokio::test]
async fn a_pinned_call_waits_for_its_worker_and_tries_no_other() {
    let (home, other) = (Fake::new(async |_| Err(not_connected())), Fake::fine());
    let rig = Rig::new(&[&home, &other]).await;
    for attempt in 1..=2 {
        let mut request = request("GetFlightInfo", &statement());
        request.headers_mut().insert("authorization", rig.bearer(&session(Some(home.id))).parse().unwrap());
        let outcome = rig.outcome(request).await;
        assert_eq!((outcome.code(), outcome.failure().as_str()), (Code::Unavailable, "unavailable"));
        assert_eq!((home.calls(), other.calls()), (1, 0), "attempt {attempt}");
    }

    // What only gives something back is taken by any other.
    let rig = Rig::new(&[&home, &other]).await;
    let mut close = request("DoAction", &close_session());
    close.headers_mut().insert("authorization", rig.bearer(&session(Some(home.id))).parse().unwrap());
    assert_eq!(rig.outcome(close).await.code(), Code::Ok);
    assert_eq!((home.calls(), other.calls()), (2, 1));
}

#[tokio::test]
async fn running_calls_are_spread() {
    let waiting = || Fake::new(async |_| std::future::pending().await);
    let (one, two) = (waiting(), waiting());
    let rig = Rig::new(&[&one, &two]).await;
    let mut calls: Vec<_> = (0..4).map(|_| Box::pin(rig.call(request("GetFlightInfo", &statement())))).collect();
    let both = async { tokio::join!(one.asked(2), two.asked(2)) };
    tokio::select! {
        _ = futures::future::select_all(&mut calls) => unreachable!("one was answered"),
        _ = both => {}
    }
    assert_eq!((one.calls(), two.calls()), (2, 2));
}
