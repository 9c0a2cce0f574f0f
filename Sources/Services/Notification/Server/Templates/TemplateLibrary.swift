import Foundation
import GravityContracts
import GravityData
import Logging
import NotificationAPI
import Synchronization

/// What messages are written with: the published version of each template, compiled once.
final class TemplateLibrary: Sendable {
  private struct Key: Hashable {
    var name: String
    var version: Int64
  }
  /// Versions never change, and none is given twice: a template that is deleted and made again goes on counting.
  private let compiled = Mutex<[Key: CompiledTemplate]>([:])
  private let builtIn: [String: CompiledTemplate]
  private static let greatestCount = 1_000

  private let logger: Logger
  /// Where people reach the platform, `https://shop.example.com`: what links with secrets in them begin with.
  let platform: String?

  /// - Throws: a mistake in a built-in template.
  init(platform: String?, logger: Logger) throws {
    builtIn = try BuiltInTemplates.compiled()
    self.platform = platform
    self.logger = logger
  }

  private func unfit(_ name: String, _ version: Int64, _ problem: Problem) {
    logger.error(
      "a published template cannot be used any more",
      metadata: [
        "template": "\(name)", "version": "\(version)", "error.message": "\(problem.errors?.first?.message ?? "")",
      ])
  }

  func builtIn(_ name: String) -> CompiledTemplate? { builtIn[name] }

  /// The published ones of these names; what is missing has none.
  func templates(_ names: Set<String>, in transaction: any Transaction) throws -> [String: CompiledTemplate] {
    let store = TemplateStore(transaction)
    let published = try store.published(names.sorted())
    var found: [String: CompiledTemplate] = [:]
    for name in names {
      guard let version = published[name, default: 0] else { continue }
      do { found[name] = try template(name, version, in: transaction) } catch let error as Problem {
        // Published under rules that have changed since. One template must not hold up the others' messages; its own
        // end as dead letters, which somebody sees.
        unfit(name, version, error)
      }
    }
    return found
  }

  func template(_ name: String, in transaction: any Transaction) throws -> CompiledTemplate? {
    try templates([name], in: transaction)[name]
  }

  private func template(_ name: String, _ version: Int64, in transaction: any Transaction) throws -> CompiledTemplate? {
    guard version > 0 else { return builtIn[name] }
    let key = Key(name: name, version: version)
    if let template = compiled.withLock({ $0[key] }) { return template }
    guard let row = try TemplateStore(transaction).version(version, of: name) else { return nil }
    let template = try CompiledTemplate(
      name, version: version, row.content, fixed: builtIn[name]?.variables, platform: platform)
    compiled.withLock { compiled in
      if compiled.count >= Self.greatestCount { compiled.removeAll() }
      compiled[key] = template
    }
    return template
  }
}
