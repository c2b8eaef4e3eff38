//! Cancelling a statement on whichever worker runs it.

use arrow_flight::{Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightEndpoint, FlightInfo};
use http_body::Frame;
use prost::Message as _;
use tavana_wire::handle::{StatementTicket, StoredTicket, Work};
use tonic::{Code, Status};

use super::fake::{Fake, Outcome, Rig, not_connected, ok, reply, request, session};
use super::ticket;
use crate::flight_sql::message;

fn cancel(ticket: arrow_flight::Ticket) -> Action {
    let endpoint = FlightEndpoint { ticket: Some(ticket), ..FlightEndpoint::default() };
    let info = FlightInfo { endpoint: vec![endpoint], ..FlightInfo::default() };
    let body = CancelFlightInfoRequest { info: Some(info) }.encode_to_vec().into();
    Action { r#type: "CancelFlightInfo".to_owned(), body }
}

fn answers(status: CancelStatus) -> Fake {
    Fake::new(move |_| async move {
        let result = CancelFlightInfoResult { status: status.into() };
        let result = arrow_flight::Result { body: result.encode_to_vec().into() };
        Ok(reply([Ok(Frame::data(message::encode(&result))), Ok(ok())]))
    })
}

fn told(outcome: &Outcome) -> CancelStatus {
    let result = message::payload(&outcome.frames.concat().into()).unwrap();
    CancelFlightInfoResult::decode(arrow_flight::Result::decode(result).unwrap().body).unwrap().status()
}

#[tokio::test]
async fn the_worker_that_runs_the_statement_answers_for_all() {
    let unknown = || Fake::new(async |_| Ok(Status::not_found("no such statement").into_http()));
    let workers = [
        unknown(),
        answers(CancelStatus::NotCancellable),
        answers(CancelStatus::Cancelled),
        Fake::new(async |_| Err(not_connected())),
    ];
    let rig = Rig::new(&workers.each_ref()).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!((outcome.code(), told(&outcome)), (Code::Ok, CancelStatus::Cancelled));

    let rig = Rig::new(&[&workers[0], &workers[1]]).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!((outcome.code(), told(&outcome)), (Code::Ok, CancelStatus::NotCancellable));

    let rig = Rig::new(&[&workers[0]]).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!((outcome.code(), outcome.message().as_str()), (Code::NotFound, "no such statement"));

    let rig = Rig::new(&[&workers[3]]).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!(outcome.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_ticket_that_names_its_worker_goes_there_alone() {
    let (other, keeper) = (answers(CancelStatus::Cancelled), answers(CancelStatus::Cancelling));
    let rig = Rig::new(&[&other, &keeper]).await;
    let stored = StoredTicket { worker_id: keeper.id.to_vec(), ..StoredTicket::default() };
    let statement = StatementTicket::default();
    for (session, work) in
        [(session(None), Work::Stored(stored)), (session(Some(keeper.id)), Work::Statement(statement))]
    {
        let ticket = arrow_flight::Ticket { ticket: rig.sealed(&session, work) };
        let outcome = rig.outcome(request("DoAction", &cancel(ticket))).await;
        assert_eq!(told(&outcome), CancelStatus::Cancelling);
    }
    assert_eq!((other.calls(), keeper.calls()), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_does_not_answer_is_not_waited_for() {
    let silent = Fake::new(async |_| std::future::pending().await);
    let rig = Rig::new(&[&silent, &answers(CancelStatus::Cancelled)]).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!(told(&outcome), CancelStatus::Cancelled);
    let rig = Rig::new(&[&silent]).await;
    let outcome = rig.outcome(request("DoAction", &cancel(ticket(&rig)))).await;
    assert_eq!(outcome.code(), Code::DeadlineExceeded);
}
