import Foundation
import GravityContracts
import NotificationAPI

/// A checked ``NewNotification``.
struct NewNotificationFields: Sendable {
  let template: String
  let userID: UUID?
  let address: String?
  let name: String?
  let locale: String?
  let data: JSONObject
  /// JSON with its keys in order, so that the same data are the same text.
  let text: String?
  let about: String?
  let sendAt: Date?
  let expiresAt: Date?

  static let greatestData = 32 << 10
  /// Seconds from now.
  static let greatestWait: TimeInterval = 90 * 86_400

  /// - Throws: `Problem` 422 with everything that is wrong.
  init(checking request: NewNotification, now: Date) throws {
    var errors: [Problem.FieldError] = []
    func fail(_ field: String, _ code: String, _ message: String) {
      errors.append(.init(field: field, code: code, message: message))
    }
    if !(1...100).contains(request.template.utf8.count) { fail("template", "range", "must have 1 to 100 bytes") }
    if request.userID == nil, request.address == nil {
      fail("user_id", "required", "user_id or address says whom")
    }
    let address = request.address.flatMap { EmailAddress($0)?.text }
    if request.address != nil, address == nil { fail("address", "format", "is not an e-mail address") }
    if let name = request.name {
      if request.address == nil { fail("name", "excess", "only with an address; an account has its own") }
      if !(1...200).contains(name.count)
        || name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
      {
        fail("name", "format", "must have 1 to 200 characters in one line")
      }
    }
    let locale = request.locale.flatMap { LocaleTag($0)?.text }
    if request.locale != nil, locale == nil { fail("locale", "format", LocaleTag.rule) }
    if let about = request.about,
      !(1...200).contains(about.utf8.count) || !about.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    {
      fail("about", "format", "must have 1 to 200 printable ASCII characters")
    }
    if let time = request.sendAt, time.timeIntervalSince(now) > Self.greatestWait {
      fail("send_at", "range", "must be at most 90 days ahead")
    }
    if let time = request.expiresAt, time <= now || time <= request.sendAt ?? now {
      fail("expires_at", "range", "must be after now and after send_at")
    }
    if let id = request.id, !Self.isVersion7(id) { fail("id", "format", "must be a version 7 UUID") }
    var text: String?
    if let data = request.data {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      let bytes = try encoder.encode(data)
      if bytes.count > Self.greatestData { fail("data", "too_long", "must have at most \(Self.greatestData) bytes") }
      for taken in ["recipient", "site"] where data.members[taken] != nil {
        fail("data.\(taken)", "excess", "is given by the service")
      }
      text = String(decoding: bytes, as: UTF8.self)
    }
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    template = request.template
    userID = request.userID
    self.address = address
    name = request.name
    self.locale = locale
    data = request.data ?? [:]
    self.text = text
    about = request.about
    sendAt = request.sendAt?.roundedToMicroseconds
    expiresAt = request.expiresAt?.roundedToMicroseconds
  }

  private static func isVersion7(_ id: UUID) -> Bool { id.uuid.6 >> 4 == 7 && id.uuid.8 >> 6 == 2 }

  /// Writes the message as it would be, so that whoever asks learns of a mistake and not an operator.
  /// - Throws: `Problem` 422.
  func rehearse(with template: CompiledTemplate, _ configuration: NotificationConfiguration) throws {
    let errors = TemplateData.errors(in: data, template.variables)
    guard errors.isEmpty else { throw Problem.invalid(errors) }
    let data = Composer.with(data, recipient: (address ?? "somebody@example.com", name), configuration)
    do throws(TemplateFault) { _ = try template.render(data, locale: locale) } catch {
      throw Problem.invalid("data", error.code, error.message)
    }
  }

  /// Whether a notification is what these fields ask for.
  func describe(_ row: NotificationRow) -> Bool {
    row.template == template && row.userID == userID && row.address == address && row.name == name
      && row.locale == locale && row.data == text && row.about == about && row.sendAt == sendAt
      && row.expiresAt == expiresAt && row.source == .request
  }
}
