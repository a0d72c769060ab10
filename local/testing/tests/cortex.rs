//! Cortex as a child process. `npm run conformance` builds it.

use std::time::Duration;

use local_testing::cortex::{Cortex, CortexOptions};

#[tokio::test]
#[ignore = "needs Cortex: npm run conformance"]
async fn it_keeps_its_data_over_a_crash() {
    let program = Cortex::find().expect("CORTEX: a built Cortex");
    let mut cortex = Cortex::start(&program, &CortexOptions::default()).await.expect("it starts");
    let before = (cortex.remote_write_url(), cortex.query_url());
    cortex.kill().await;
    assert!(cortex.samples("m", Duration::from_mins(1)).await.is_err());
    cortex.restart().await.expect("it starts again");
    assert_eq!((cortex.remote_write_url(), cortex.query_url()), before);
    assert!(cortex.samples("m", Duration::from_mins(1)).await.expect("an answer").is_empty());
}
