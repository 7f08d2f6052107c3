//! Which of several ends is the one that is told.

use std::future::{pending, ready};

use super::*;
use machinery::logging::LogFormat;
use machinery::logging::testing::listen;

fn another_driver() -> Fatal {
    Fatal::AnotherDriver { before: "a".to_owned(), now: "b".to_owned() }
}

#[tokio::test]
async fn another_driver_is_told_of_and_the_work_that_fails_with_it_is_logged() {
    let (log, _listening) = listen(crate::PROGRAM, 0, LogFormat::Text);
    let ending = Ending::default();
    let work = async {
        ending.abandoned().await;
        Err(anyhow::anyhow!("a watch failed"))
    };
    let end = first_end(work, ready(Ok(another_driver())), pending(), &ending).await.unwrap_err();
    assert_eq!(end.downcast_ref(), Some(&another_driver()));
    assert!(log.text().contains("the work failed as well: a watch failed"), "{}", log.text());
}

#[tokio::test]
async fn another_driver_is_told_of_also_where_the_work_fails_at_the_same_moment() {
    // As often as it takes to see a choice that is left to chance.
    for _ in 0..64 {
        let work = ready(Err(anyhow::anyhow!("a watch failed")));
        let end = first_end(work, ready(Ok(another_driver())), pending(), &Ending::default()).await;
        assert!(end.unwrap_err().is::<Fatal>());
    }
}

#[tokio::test]
async fn a_lead_that_is_lost_ends_it_without_waiting_for_the_work() {
    let lost = ready(anyhow::anyhow!("the lead is lost"));
    let end = first_end(pending(), pending(), lost, &Ending::default()).await;
    assert_eq!(end.unwrap_err().to_string(), "the lead is lost");
}

#[test]
fn the_lease_is_named_as_the_reference_names_it() {
    assert_eq!(lease_name("ebs.csi_aws.com-1é"), "external-snapshotter-leader-ebs-csi-aws-com-1-");
}
