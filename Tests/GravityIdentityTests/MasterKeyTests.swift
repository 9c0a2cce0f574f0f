import Crypto
import Foundation
import GravityContracts
import GravityIdentity
import Testing

@Suite struct MasterKeyTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
  private var file: URL { folder.appending(path: "master.key") }

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  @Test("the key is made once, for its owner only, and read again")
  func made() throws {
    let first = try MasterKey.load(environment: nil, file: file)
    let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    #expect(try MasterKey.load(environment: "", file: file).derive("x") == first.derive("x"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["master.key"], "no draft stays")
  }

  @Test("processes that start at once end up with one key")
  func race() async throws {
    let file = file
    let keys = try await withThrowingTaskGroup(of: SymmetricKey.self) { group in
      for _ in 0..<16 { group.addTask { try MasterKey.load(environment: nil, file: file).derive("x") } }
      return try await group.reduce(into: [SymmetricKey]()) { $0.append($1) }
    }
    #expect(keys.allSatisfy { $0 == keys[0] })
  }

  @Test("a file that others may read is refused, with what to do", arguments: [0o640, 0o604, 0o644, 0o660])
  func openFile(_ mode: Int) throws {
    _ = try MasterKey.load(environment: nil, file: file)
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    let error = #expect(throws: MasterKeyError.self) { try MasterKey.load(environment: nil, file: file) }
    #expect(error?.description.contains("chmod 600") == true)
  }

  @Test("the environment may give base64, base64url or hexadecimal, and wins over the file")
  func environment() throws {
    let bytes = (0..<32).map { UInt8($0 * 7 & 0xFF) }
    let expected = try MasterKey(bytes: bytes).derive("x")
    let hexadecimal = bytes.map { String(format: "%02X", $0) }.joined()
    for text in [Data(bytes).base64EncodedString(), Data(bytes).base64URLEncodedString(), hexadecimal] {
      #expect(try MasterKey.load(environment: "\(text)\n", file: file).derive("x") == expected)
    }
    #expect(!FileManager.default.fileExists(atPath: file.path))
  }

  @Test(
    "what is no key is refused without being shown",
    arguments: ["secret!", "c2VjcmV0", String(repeating: "ab", count: 31)])
  func noKey(_ text: String) throws {
    let error = #expect(throws: MasterKeyError.self) { try MasterKey.load(environment: text, file: file) }
    #expect(error?.description.contains(text) == false && error?.description.contains("GRAVITY_MASTER_KEY") == true)
  }

  @Test("an empty or cut file and a missing folder are refused")
  func badFile() throws {
    #expect(throws: MasterKeyError.self) {
      try MasterKey.load(environment: nil, file: folder.appending(path: "none/master.key"))
    }
    #expect(FileManager.default.createFile(atPath: file.path, contents: Data(), attributes: [.posixPermissions: 0o600]))
    #expect(throws: MasterKeyError.self) { try MasterKey.load(environment: nil, file: file) }
  }
}

@Suite struct EnvelopeTests {
  private let old = MasterKey()
  private let new = MasterKey()
  private let secret = Data("the private part".utf8)

  @Test("what was sealed opens for its own context only")
  func context() throws {
    let envelope = Envelope(new)
    let sealed = try envelope.seal(secret, context: "keys/1")
    #expect(try envelope.open(sealed, context: "keys/1") == secret)
    #expect(throws: EnvelopeError.damaged) { try envelope.open(sealed, context: "keys/2") }
    #expect(try envelope.seal(secret, context: "keys/1") != sealed)
    #expect(try envelope.open(envelope.seal(Data(), context: ""), context: "").isEmpty)
  }

  @Test("every changed byte and every cut is noticed")
  func damage() throws {
    let envelope = Envelope(new)
    let sealed = try envelope.seal(secret, context: "c")
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(throws: EnvelopeError.self) { try envelope.open(changed, context: "c") }
      #expect(throws: EnvelopeError.self) { try envelope.open(Array(sealed.prefix(index)), context: "c") }
    }
  }

  @Test("a record moves to a new master key without its data being sealed again")
  func rewrap() throws {
    let sealed = try Envelope(old).seal(secret, context: "c")
    #expect(throws: EnvelopeError.unknownKey) { try Envelope(new).open(sealed, context: "c") }
    let both = Envelope(new, previous: [old])
    #expect(try both.open(sealed, context: "c") == secret)
    let moved = try #require(try both.rewrap(sealed, context: "c"))
    #expect(try Envelope(new).open(moved, context: "c") == secret)
    #expect(moved.suffix(28 + secret.count) == sealed.suffix(28 + secret.count))
    #expect(try both.rewrap(moved, context: "c") == nil)
  }
}
