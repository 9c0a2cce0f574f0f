import CoreMetrics
import GravityTelemetry
import Testing

@Suite struct PrometheusTests {
  @Test("names follow OpenTelemetry's mapping and labels are escaped")
  func text() {
    let metrics = PrometheusMetrics()
    Counter(label: "gateway.retries", dimensions: [("http.route", "a\"b\\c\nd")], factory: metrics).increment(by: 3)
    Meter(label: "db.client.connection.count", factory: metrics).set(2.5)
    #expect(
      metrics.text() == """
        # TYPE db_client_connection_count gauge
        db_client_connection_count 2.5
        # TYPE gateway_retries_total counter
        gateway_retries_total{http_route="a\\"b\\\\c\\nd"} 3

        """)
  }

  @Test("a timer is a cumulative histogram in seconds")
  func histogram() {
    let metrics = PrometheusMetrics()
    let timer = CoreMetrics.Timer(label: "http.server.request.duration", factory: metrics)
    timer.recordNanoseconds(3_000_000)
    timer.recordNanoseconds(20_000_000_000)
    let text = metrics.text()
    #expect(text.contains("http_server_request_duration_seconds_bucket{le=\"0.001\"} 0\n"))
    #expect(text.contains("http_server_request_duration_seconds_bucket{le=\"0.005\"} 1\n"))
    #expect(text.contains("http_server_request_duration_seconds_bucket{le=\"10\"} 1\n"))
    #expect(text.contains("http_server_request_duration_seconds_bucket{le=\"+Inf\"} 2\n"))
    #expect(text.contains("http_server_request_duration_seconds_count 2\n"))
  }

  @Test("the same series is one, however often it is made")
  func sameSeries() {
    let metrics = PrometheusMetrics()
    for _ in 0..<3 { Counter(label: "x", dimensions: [("a", "b")], factory: metrics).increment() }
    #expect(metrics.text() == "# TYPE x_total counter\nx_total{a=\"b\"} 3\n")
  }

  @Test("labels that a client multiplies end in one series")
  func bounded() {
    let metrics = PrometheusMetrics()
    for number in 0..<(PrometheusMetrics.greatestSeriesCount + 50) {
      Counter(label: "x", dimensions: [("n", "\(number)")], factory: metrics).increment()
    }
    let text = metrics.text()
    #expect(text.contains("x_total{overflow=\"true\"} 50\n"))
    #expect(text.split(separator: "\n").count == PrometheusMetrics.greatestSeriesCount + 2)
  }
}
