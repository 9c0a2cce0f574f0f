import Foundation
import GravityData
import Patience
import PostgresEngine
import Testing

/// Each server is the test's own, with a certificate for `localhost` that the test's own authority made.
@Suite("PostgreSQL over TLS", .enabled(if: PrivateServer.isPossible, "GRAVITY_TEST_POSTGRES_BIN is not set"))
struct TLSTests {
  @Test("a server whose certificate is good is used, and every session is encrypted")
  func verified() async throws {
    try await PrivateServer.with { server in
      try await server.demandTLS()
      let database = try server.open(mode: "verify-full", authority: "ca")
      var feed = database.notifications(on: "news").makeAsyncIterator()
      #expect(await feed.next() == "")
      try await database.write { try $0.execute(.table("notes", "n \(type: .bigint) PRIMARY KEY")) }
      // One session for calls, one that listens.
      let row = try await database.rows(
        """
        SELECT count(*) AS sessions, bool_and(s.ssl) AS encrypted, min(s.version) AS version
        FROM pg_stat_ssl s JOIN pg_stat_activity a ON a.pid = s.pid WHERE a.usename = 'app'
        """)[0]
      #expect(try row.get("sessions", as: Int.self) >= 2)
      #expect(try row.get("encrypted", as: Bool.self))
      #expect(try row.get("version", as: String.self).hasPrefix("TLSv1."))
      await database.close()
    }
  }

  @Test("another authority, another host name or no encryption is refused, with the reason and without the password")
  func refused() async throws {
    try await PrivateServer.with { server in
      try await server.demandTLS()
      for (mode, authority, host, reason) in [
        ("verify-full", "other", "localhost", "certificate verify failed"),
        ("verify-ca", "other", "localhost", "certificate verify failed"),
        ("verify-full", "ca", "db.example.org", "does not match host name \"db.example.org\""),
        ("disable", "ca", "localhost", "no encryption"),
      ] {
        try await expectRefusal(server, mode: mode, authority: authority, host: host, reason: reason)
      }
      // The name is what was wrong, not the server: without its check the same connection stands.
      let lenient = try server.open(mode: "verify-ca", authority: "ca", host: "db.example.org")
      #expect(try await lenient.rows("SELECT 1").count == 1)
      await lenient.close()
    }
  }

  @Test("a server without TLS is refused where TLS is asked for, and used where it is not")
  func plainServer() async throws {
    try await PrivateServer.with { server in
      try await server.makeCertificates()
      for mode in ["require", "verify-ca", "verify-full"] {
        try await expectRefusal(
          server, mode: mode, authority: "ca", host: "localhost", reason: "server does not support SSL")
      }
      let plain = try server.open(mode: "disable", authority: "ca")
      #expect(try await plain.rows("SELECT 1").count == 1)
      await plain.close()
    }
  }

  private func expectRefusal(
    _ server: PrivateServer, mode: String, authority: String, host: String, reason: String
  ) async throws {
    let database = try server.open(mode: mode, authority: authority, host: host, patience: .milliseconds(500))
    // Busy, as long as no attempt to connect has ended.
    let error = try await eventually("an attempt to connect has ended") {
      let error = await #expect(throws: DatabaseError.self, "\(mode) \(authority) \(host)") {
        try await database.rows("SELECT 1")
      }
      return try #require(error).code == .busy ? nil : error
    }
    await database.close()
    #expect(error.code == .unavailable)
    #expect(error.message.contains(reason), "\(error.message)")
    #expect(!"\(error)".contains(PrivateServer.password))
  }
}

extension PrivateServer {
  /// Of the role `app`.
  static let password = "correct-horse-7f3a"

  /// As `app`, at 127.0.0.1 by the name `host`.
  /// - Parameter authority: Whose certificate is trusted: `ca`, which signed the server's, or `other`.
  func open(
    mode: String, authority: String, host: String = "localhost", patience: Duration = .seconds(20)
  ) throws -> PostgresDatabase {
    var configuration = PostgresDatabase.Configuration()
    configuration.waitTimeout = patience
    return try PostgresDatabase(
      url: "postgres://app:\(Self.password)@\(host):\(port)/app?hostaddr=127.0.0.1&sslmode=\(mode)"
        + "&sslrootcert=\(home)/\(authority).crt",
      configuration: configuration)
  }

  /// Two authorities, and a certificate of the first for `localhost`, in the server's folder.
  func makeCertificates() async throws {
    try await runAsServer([
      "sh", "-euc",
      """
      cd "$0"
      for authority in ca other; do
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$authority" \
          -keyout $authority.key -out $authority.crt
      done
      openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost \
        -keyout server.key -out server.csr
      echo subjectAltName=DNS:localhost >server.ext
      openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext \
        -out server.crt
      chmod 600 server.key
      """, home,
    ])
  }

  /// Nobody comes in without TLS from here on, and `app` needs its password.
  func demandTLS() async throws {
    try await makeCertificates()
    try psql(
      "ALTER ROLE app PASSWORD '\(Self.password)'", "ALTER SYSTEM SET ssl_cert_file = '\(home)/server.crt'",
      "ALTER SYSTEM SET ssl_key_file = '\(home)/server.key'", "ALTER SYSTEM SET ssl = on")
    try await runAsServer([
      "sh", "-euc", #"printf '%s\n' "$1" "$2" >"$0""#, home + "/data/pg_hba.conf",
      "hostssl all app 127.0.0.1/32 scram-sha-256", "hostssl all gravity 127.0.0.1/32 trust",
    ])
    try await control("restart", "-m", "fast")
  }
}
