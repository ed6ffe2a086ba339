//! Starting and stopping a whole server on one folder.

use gatepost::{DataFolder, FolderError};
use gatepost_testkit::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_serves_the_same_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let first = TestServer::start(folder.path()).await;
    let before = first.bootstrap().clone();
    assert!(matches!(DataFolder::take(folder.path()), Err(FolderError::InUse(_))));
    first.stop().await;
    let second = TestServer::start(folder.path()).await;
    let after = second.bootstrap();
    assert_eq!(after.tenant_id, before.tenant_id);
    assert_eq!(after.subscription_id, before.subscription_id);
    assert_eq!(after.automation.client_secret, before.automation.client_secret);
    let text = std::fs::read_to_string(folder.path().join("bootstrap.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(file["endpoints"]["smtp"], after.endpoints.smtp);
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_with_the_secrets_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start(folder.path()).await;
    for name in ["bootstrap.json", "ca.key", "server.key"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
    server.stop().await;
}
