import Crypto
import Foundation
import GravityContracts
import PaymentAPI

/// A checked ``NewPayment``.
struct PaymentFields: Sendable {
  let id: UUID?
  let orderID: UUID?
  let customerID: UUID?
  let amount: Money
  let captureMethod: CaptureMethod
  let paymentMethod: String?
  /// Whether the provider is asked at once.
  let confirms: Bool
  let metadata: [String: String]
  /// By which another request under the same id is told from a repeat.
  let fingerprint: [UInt8]

  /// - Throws: `Problem` 422 with everything that is wrong.
  init(checking request: NewPayment, _ provider: any PaymentProvider) throws {
    var errors: [Problem.FieldError] = []
    if let id = request.id, !id.isVersion7 {
      errors.append(.init(field: "id", code: "format", message: "must be a UUIDv7"))
    }
    if request.amount.amount < 1 {
      errors.append(.init(field: "amount.amount", code: "range", message: "must be from 1 to \(Money.greatest)"))
    }
    if let method = request.paymentMethod { Self.check(method, provider, &errors) }
    let confirms = request.confirm ?? (request.paymentMethod != nil)
    if confirms, request.paymentMethod == nil {
      errors.append(.init(field: "payment_method", code: "required", message: "is needed to confirm"))
    }
    let metadata = request.metadata ?? [:]
    Self.check(metadata, &errors)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    id = request.id
    orderID = request.orderID
    customerID = request.customerID
    amount = request.amount
    captureMethod = request.captureMethod ?? .manual
    paymentMethod = request.paymentMethod
    self.confirms = confirms
    self.metadata = metadata
    fingerprint = Fingerprint.of(
      [
        request.orderID?.lowercased, request.customerID?.lowercased, "\(request.amount.amount)",
        request.amount.currency.code, captureMethod.rawValue, request.paymentMethod, "\(confirms)",
      ] + metadata.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
  }

  /// - Throws: `Problem` 422 when it is no token that the provider may know.
  static func checked(_ method: String, _ provider: any PaymentProvider) throws -> String {
    var errors: [Problem.FieldError] = []
    check(method, provider, &errors)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    return method
  }

  /// - Throws: `Problem` 422 when the text is empty, too long or holds a card's number.
  static func checkedReason(_ reason: String?) throws -> String? {
    guard let reason else { return nil }
    guard (1...200).contains(reason.unicodeScalars.count),
      reason.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
    else { throw Problem.invalid("reason", "too_long", "must have 1 to 200 characters, none of them a control") }
    guard !CardNumber.isFound(in: reason) else { throw Problem.invalid([cardNumber("reason")]) }
    return reason
  }

  private static func check(
    _ method: String, _ provider: any PaymentProvider, _ errors: inout [Problem.FieldError]
  ) {
    // What was sent is repeated nowhere: it may be what it must not be.
    if CardNumber.isFound(in: method) { return errors.append(cardNumber("payment_method")) }
    let isToken =
      (1...100).contains(method.utf8.count)
      && method.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5F: true
        default: false
        }
      }
    if !isToken {
      errors.append(.init(field: "payment_method", code: "format", message: "must be a token of the provider's"))
    } else if !provider.accepts(paymentMethod: method) {
      errors.append(.init(field: "payment_method", code: "unknown", message: "is no method of \(provider.name)"))
    }
  }

  private static func check(_ metadata: [String: String], _ errors: inout [Problem.FieldError]) {
    if metadata.count > 20 {
      errors.append(.init(field: "metadata", code: "too_many", message: "must have at most 20 members"))
    }
    for (name, value) in metadata {
      // A name that holds a card's number must not come back in the answer.
      if CardNumber.isFound(in: name) { return errors.append(cardNumber("metadata")) }
      let field = "metadata.\(String(name.prefix(40)))"
      if !(1...40).contains(name.utf8.count) || value.utf8.count > 500 || (name + value).utf8.contains(0) {
        errors.append(
          .init(field: field, code: "too_long", message: "names have 1 to 40 bytes, values at most 500, no NUL"))
      } else if CardNumber.isFound(in: value) {
        errors.append(cardNumber(field))
      }
    }
  }

  private static func cardNumber(_ field: String) -> Problem.FieldError {
    .init(field: field, code: "card_number", message: "looks like a card's number; send a token of the provider's")
  }
}

/// A digest of what was asked for.
enum Fingerprint {
  static func of(_ parts: [String?]) -> [UInt8] {
    var digest = SHA256()
    for part in parts {
      // With its length, so that what moves from one part to the next does not look the same.
      digest.update(data: Data("\(part?.utf8.count ?? -1):\(part ?? "")".utf8))
    }
    return Array(digest.finalize())
  }
}

extension UUID {
  /// RFC 9562 §5.7.
  var isVersion7: Bool { uuid.6 >> 4 == 7 && uuid.8 >> 6 == 2 }
}
