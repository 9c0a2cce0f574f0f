/// One request as a line of the log, without the time that it begins with.
enum AccessLine {
  /// What follows the milliseconds.
  static func writeJSON(_ entry: AccessEntry, _ line: inout OctetWriter) {
    line.write("Z\",\"log.level\":\"info\",\"message\":\"request\",\"ecs.version\":\"8.11\",")
    line.write("\"service.name\":\"gateway\",\"http.request.method\":\"")
    line.writeText(entry.method)
    line.write("\",\"url.path\":\"")
    // The path has passed RequestTarget: printable ASCII without quote or backslash.
    line.write(entry.pathBytes)
    line.write("\",\"http.response.status_code\":")
    line.writeDecimal(entry.status)
    line.write(",\"event.duration\":")
    line.writeDecimal(Int(entry.duration))
    line.write(",\"client.address\":\"")
    line.writeText(entry.clientAddress)
    line.write("\",\"trace.id\":\"")
    line.writeHex(entry.traceID.0)
    line.writeHex(entry.traceID.1)
    line.write("\",\"span.id\":\"")
    line.writeHex(entry.spanID)
    line.write("\",\"http.request.id\":\"")
    line.write(entry.requestIDBytes)
    line.write("\",\"http.response.body.bytes\":")
    line.writeDecimal(entry.responseBodyBytes)
    line.write(",\"http.version\":\"")
    line.writeText(entry.httpVersion)
    line.write("\"")
    if let version = entry.tlsVersion { member("tls.version", version, &line) }
    if let route = entry.route { member("gravity.route", route, &line) }
    if let upstream = entry.upstream { member("gravity.upstream", upstream, &line) }
    if let refusal = entry.refusal { member("gravity.refusal", refusal, &line) }
    line.write("}\n")
  }

  private static func member(_ name: StaticString, _ value: String, _ line: inout OctetWriter) {
    line.write(",\"")
    line.write(name)
    line.write("\":\"")
    line.writeText(JSONText.escaped(value))
    line.write("\"")
  }

  /// As a logger would say it, with its keys in the order of the alphabet.
  static func writeText(_ entry: AccessEntry, _ line: inout OctetWriter) {
    line.write(" INFO     gateway: request client.address=")
    line.writeText(entry.clientAddress)
    line.write(" event.duration=")
    line.writeDecimal(Int(entry.duration))
    if let refusal = entry.refusal { word(" gravity.refusal=", refusal, &line) }
    if let route = entry.route { word(" gravity.route=", route, &line) }
    if let upstream = entry.upstream { word(" gravity.upstream=", upstream, &line) }
    line.write(" http.request.id=")
    line.write(entry.requestIDBytes)
    line.write(" http.request.method=")
    line.writeText(entry.method)
    line.write(" http.response.body.bytes=")
    line.writeDecimal(entry.responseBodyBytes)
    line.write(" http.response.status_code=")
    line.writeDecimal(entry.status)
    line.write(" http.version=")
    line.writeText(entry.httpVersion)
    if let version = entry.tlsVersion { word(" tls.version=", version, &line) }
    line.write(" trace.id=")
    line.writeHex(entry.traceID.0)
    line.writeHex(entry.traceID.1)
    line.write(" url.path=")
    line.write(entry.pathBytes)
    line.write("\n")
  }

  /// A line break in a name would make two lines of one.
  private static func word(_ name: StaticString, _ value: String, _ line: inout OctetWriter) {
    line.write(name)
    line.writeText(value.utf8.contains(0x0A) ? value.replacing("\n", with: "\\n") : value)
  }
}
