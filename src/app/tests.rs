//! Tests of which error the process ends with, and of the name of the Lease.

use std::future::{pending, ready};

use machinery::logging::LogFormat;
use machinery::logging::testing::listen;

use super::*;

fn another_driver() -> Fatal {
    Fatal::AnotherDriver { before: "a".to_owned(), now: "b".to_owned() }
}

#[tokio::test]
async fn another_driver_is_the_error_and_a_failure_of_the_work_is_only_logged() {
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
async fn another_driver_is_the_error_even_if_the_work_fails_at_the_same_moment() {
    // Often enough to notice if the order were random.
    for _ in 0..64 {
        let work = ready(Err(anyhow::anyhow!("a watch failed")));
        let end = first_end(work, ready(Ok(another_driver())), pending(), &Ending::default()).await;
        assert!(end.unwrap_err().is::<Fatal>());
    }
}

#[tokio::test]
async fn lost_leadership_ends_the_process_without_waiting_for_the_work() {
    let lost = ready(anyhow::anyhow!("the lead is lost"));
    let end = first_end(pending(), pending(), lost, &Ending::default()).await;
    assert_eq!(end.unwrap_err().to_string(), "the lead is lost");
}

#[test]
fn the_lease_has_the_name_that_the_reference_gives_it() {
    assert_eq!(lease_name("ebs.csi_aws.com-1é"), "external-snapshotter-leader-ebs-csi-aws-com-1-");
}
