import Crypto
public import Foundation

/// Encryption of what must be readable again: a data key of its own for each record, wrapped by a key derived from the
/// master key. AES-256-GCM both times.
///
///     version 1 │ master key id 4 │ nonce 12, wrapped data key 32, tag 16 │ nonce 12, ciphertext, tag 16
///
/// The context is authenticated but not kept: what was sealed for one record does not open for another.
public struct Envelope: Sendable {
  private struct WrappingKey: Sendable {
    let id: Data
    let key: SymmetricKey
    init(_ master: MasterKey) {
      key = master.derive("envelope-wrapping-key/1")
      id = Data(master.authenticationCode("envelope-key-id/1", Data()).prefix(4))
    }
  }
  private static let version: UInt8 = 1
  private static let headerSize = 5
  private static let wrappedSize = 12 + 32 + 16

  private let current: WrappingKey
  private let previous: [WrappingKey]

  /// - Parameters:
  ///   - masterKey: What new records are sealed with.
  ///   - previous: Master keys that older records may still be sealed with; see ``rewrap(_:context:)``.
  public init(_ masterKey: MasterKey, previous: [MasterKey] = []) {
    current = WrappingKey(masterKey)
    self.previous = previous.map(WrappingKey.init)
  }

  /// - Parameter context: Which record it is, such as `signing_keys/<kid>`.
  public func seal(_ plaintext: some DataProtocol, context: String) throws -> [UInt8] {
    let dataKey = SymmetricKey(size: .bits256)
    let wrapped = try wrap(dataKey, context: context)
    let sealed = try AES.GCM.seal(plaintext, using: dataKey, authenticating: Self.associated("data", context))
    return Array(wrapped + sealed.combined!)
  }

  /// - Throws: ``EnvelopeError`` when it was sealed for another context or with a master key that is not known, or was
  ///   changed.
  public func open(_ envelope: [UInt8], context: String) throws(EnvelopeError) -> Data {
    let dataKey = try unwrap(envelope, context: context)
    do {
      let sealed = try AES.GCM.SealedBox(combined: envelope.dropFirst(Self.headerSize + Self.wrappedSize))
      return try AES.GCM.open(sealed, using: dataKey, authenticating: Self.associated("data", context))
    } catch {
      throw .damaged
    }
  }

  /// The same record under the current master key, its data untouched; nil when it is under it already.
  public func rewrap(_ envelope: [UInt8], context: String) throws -> [UInt8]? {
    let dataKey = try unwrap(envelope, context: context)
    guard !envelope[1..<Self.headerSize].elementsEqual(current.id) else { return nil }
    return Array(try wrap(dataKey, context: context)) + envelope.dropFirst(Self.headerSize + Self.wrappedSize)
  }

  private func wrap(_ dataKey: SymmetricKey, context: String) throws -> Data {
    let bytes = dataKey.withUnsafeBytes { Data($0) }
    let sealed = try AES.GCM.seal(bytes, using: current.key, authenticating: Self.associated("key", context))
    return Data([Self.version]) + current.id + sealed.combined!
  }

  private func unwrap(_ envelope: [UInt8], context: String) throws(EnvelopeError) -> SymmetricKey {
    guard envelope.first == Self.version, envelope.count >= Self.headerSize + Self.wrappedSize + 12 + 16 else {
      throw .damaged
    }
    let id = envelope[1..<Self.headerSize]
    guard let wrapping = ([current] + previous).first(where: { id.elementsEqual($0.id) }) else { throw .unknownKey }
    do {
      let wrapped = envelope[Self.headerSize..<(Self.headerSize + Self.wrappedSize)]
      return SymmetricKey(
        data: try AES.GCM.open(
          AES.GCM.SealedBox(combined: wrapped), using: wrapping.key, authenticating: Self.associated("key", context)))
    } catch {
      throw .damaged
    }
  }

  private static func associated(_ part: String, _ context: String) -> Data {
    Data("gravity-envelope/1/\(part)/\(context)".utf8)
  }
}

/// Why an envelope does not open.
public enum EnvelopeError: Error, Sendable, Hashable {
  /// Sealed with a master key that is not known.
  case unknownKey
  /// Changed, cut short, or sealed for another context.
  case damaged
}
