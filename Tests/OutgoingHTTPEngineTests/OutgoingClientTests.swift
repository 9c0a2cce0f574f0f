import Dispatch
import Foundation
import GravityContracts
import NIOCore
import NIOPosix
import Patience
import TestServers
import Testing
@testable import NotificationServer
@testable import OutgoingHTTPEngine

/// Against a server in Python.
@Suite(.timeLimit(.minutes(3))) struct OutgoingClientTests {
  /// A Python that has standardwebhooks; `./gravity test` makes one where PyPI can be had.
  private static let verifier = ProcessInfo.processInfo.environment["GRAVITY_TEST_PYTHON"]

  private struct Receiver {
    let folder: URL
    let port: Int
    var requests: [String] {
      get throws {
        let file = folder.appending(path: "requests").path
        guard FileManager.default.fileExists(atPath: file) else { return [] }
        return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
      }
    }
  }

  private static func run(_ python: String = "python3", _ body: (Receiver) async throws -> Void) async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "receiver-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "receiver.py").path
    let output = try await shell([
      "sh", "-c", "\"$0\" \"$1\" \"$2\" >\"$2/log\" 2>&1 & echo $!", python, script, folder.path,
    ])
    let process = try #require(pid_t(output.trimmingCharacters(in: .whitespacesAndNewlines)))
    defer { kill(process, SIGKILL) }
    let port = try await eventually("the receiver is up") {
      Int((try? String(contentsOf: folder.appending(path: "port"), encoding: .utf8)) ?? "")
    }
    try await body(Receiver(folder: folder, port: port))
  }

  private static func post(
    _ url: String, headers: [String: String] = [:], _ body: String = "{}", timeout: Duration = .seconds(10),
    client: OutgoingClient? = nil
  ) async throws -> OutgoingAnswer {
    let client =
      client
      ?? OutgoingClient(policy: AddressPolicy(allowsPrivate: true), group: MultiThreadedEventLoopGroup.singleton)
    return await client.post(
      OutgoingRequest(
        url: try #require(URL(string: url)), headers: headers, body: Array(body.utf8), timeout: timeout))
  }

  /// One whose names mean what the test says.
  private static func client(resolving addresses: [String]) -> OutgoingClient {
    OutgoingClient(policy: AddressPolicy(), group: MultiThreadedEventLoopGroup.singleton) {
      (_, port) throws(OutgoingFailure) in
      do { return try addresses.map { try SocketAddress(ipAddress: $0, port: port) } } catch {
        throw OutgoingFailure(error)
      }
    }
  }

  @Test("a request arrives as it is, its answer is read, and what is left out of the answer does not matter")
  func answers() async throws {
    try await Self.run { receiver in
      let base = "http://127.0.0.1:\(receiver.port)"
      #expect(
        try await Self.post("\(base)/ok?a=b", headers: ["x-y": "z"], "{\"ü\":1}") == .reply(status: 200, body: []))
      let seen = try #require(try receiver.requests.first)
      #expect(
        seen.contains("/ok?a=b") && seen.contains("127.0.0.1:\(receiver.port)") && seen.contains("\"x-y\": \"z\""))
      guard case .reply(200, let body) = try await Self.post("\(base)/large") else {
        Issue.record("no answer")
        return
      }
      #expect(body.count == OutgoingClient.greatestBody)
    }
  }

  @Test("a GET has no body, and as much of its answer is read as is asked for")
  func get() async throws {
    try await Self.run { receiver in
      let client = OutgoingClient(
        policy: AddressPolicy(allowsPrivate: true), group: MultiThreadedEventLoopGroup.singleton)
      func get(_ path: String, _ greatestBody: Int) async throws -> OutgoingAnswer {
        let url = try #require(URL(string: "http://127.0.0.1:\(receiver.port)\(path)"))
        return await client.send(
          OutgoingRequest(url: url, headers: [:], body: [], timeout: .seconds(10)), .get, greatestBody: greatestBody)
      }
      #expect(try await get("/ok", 10) == .reply(status: 200, body: []))
      let seen = try #require(try receiver.requests.first).lowercased()
      #expect(seen.contains("\"method\": \"get\"") && !seen.contains("content-length"))
      guard case .reply(200, let body) = try await get("/large", 300_000) else {
        Issue.record("no answer")
        return
      }
      #expect(body.count == 300_000)
    }
  }

  @Test("a redirect is an answer and is not followed")
  func redirect() async throws {
    try await Self.run { receiver in
      let answer = try await Self.post("http://127.0.0.1:\(receiver.port)/redirect")
      let requests = try receiver.requests
      #expect(answer == .reply(status: 302, body: []) && requests.count == 1)
    }
  }

  @Test("no answer, none in time, and one that is no HTTP are failures in plain words")
  func failures() async throws {
    try await Self.run { receiver in
      let base = "http://127.0.0.1:\(receiver.port)"
      let began = ContinuousClock.now
      #expect(try await Self.post("\(base)/slow", timeout: .seconds(2)) == .failed("no answer in time"))
      #expect(ContinuousClock.now - began < .seconds(20))
      #expect(try await Self.post("\(base)/garbage") == .failed("what answers does not speak HTTP/1.1"))
      guard case .failed(let reason) = try await Self.post("https://127.0.0.1:\(receiver.port)/ok") else {
        Issue.record("TLS with what speaks none")
        return
      }
      #expect(reason.hasPrefix("TLS failed"))
    }
    guard case .failed = try await Self.post("http://127.0.0.1:1/") else {
      Issue.record("nobody listens there")
      return
    }
  }

  @Test("an address in the house is not connected to, however its name is written or whatever it meant before")
  func privateAddresses() async throws {
    try await Self.run { receiver in
      let strict = OutgoingClient(policy: AddressPolicy(), group: MultiThreadedEventLoopGroup.singleton)
      for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "[::1]", "0"] {
        let answer = try await Self.post("http://\(host):\(receiver.port)/ok", client: strict)
        guard case .failed(let reason) = answer else {
          Issue.record("\(host): \(answer)")
          continue
        }
        #expect(
          reason.contains("private, local or reserved") || reason.contains("cannot be looked up"), "\(host): \(reason)")
      }
      for addresses in [["127.0.0.1"], ["169.254.169.254", "127.0.0.1", "::1", "fd00::1", "::ffff:10.0.0.1"], []] {
        let answer = try await Self.post(
          "http://innocent.example:\(receiver.port)/ok", client: Self.client(resolving: addresses))
        guard case .failed = answer else {
          Issue.record("\(addresses): \(answer)")
          continue
        }
      }
      #expect(try receiver.requests.isEmpty, "nothing came through")
    }
  }

  @Test("a name that nobody answers for ends with the request's time")
  func slowName() async throws {
    let client = OutgoingClient(policy: AddressPolicy(), group: MultiThreadedEventLoopGroup.singleton) {
      (_, _) throws(OutgoingFailure) in
      // Until it is cancelled.
      for await _ in AsyncStream<Void>.makeStream().stream {}
      throw OutgoingFailure("it was given up")
    }
    let answer = try await Self.post("http://slow.example/ok", timeout: .seconds(1), client: client)
    #expect(answer == .failed("slow.example was not looked up in time"))
  }

  @Test("names are looked up also while the threads that the process shares have other work")
  func ownThreads() async throws {
    try await Self.run { receiver in
      let end = DispatchSemaphore(value: 0)
      let count = 4 * System.coreCount
      let shared = (0..<count).map { _ in
        NIOThreadPool.singleton.runIfActive(eventLoop: MultiThreadedEventLoopGroup.singleton.next()) { end.wait() }
      }
      let answer = try await Self.post("http://localhost:\(receiver.port)/ok")
      for _ in 0..<count { end.signal() }
      for work in shared { try await work.get() }
      #expect(answer == .reply(status: 200, body: []))
    }
  }

  @Test(
    "what we sign, the verifier of Standard Webhooks takes, with each of two secrets, and refuses once it is changed",
    .enabled(if: verifier != nil, "GRAVITY_TEST_PYTHON is not set: a Python with standardwebhooks"))
  func verified() async throws {
    try await Self.run(try #require(Self.verifier)) { receiver in
      let secrets = [WebhookSignature.newSecret(), WebhookSignature.newSecret()]
      try Data(secrets.joined(separator: "\n").utf8).write(to: receiver.folder.appending(path: "secrets"))
      let body = #"{"data":{"order_id":"1"},"type":"order.paid.v1"}"#
      let url = "http://127.0.0.1:\(receiver.port)/verify"
      func status(_ secrets: [String], _ sent: String = body, at time: Date = Date()) async throws -> OutgoingAnswer {
        let headers = WebhookSignature.headers(
          UUID().uuidString.lowercased(), at: time, body: Array(body.utf8), secrets: secrets)
        return try await Self.post(url, headers: headers, sent)
      }
      #expect(try await status(secrets) == .reply(status: 204, body: []))
      #expect(try await status([secrets[0]]) == .reply(status: 401, body: []), "the receiver wants both")
      #expect(try await status(secrets, body + " ") == .reply(status: 401, body: []))
      #expect(try await status(secrets, at: Date(timeIntervalSinceNow: -3_600)) == .reply(status: 401, body: []))
    }
  }
}
