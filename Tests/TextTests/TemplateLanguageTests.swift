import Formats
import Testing
import Text

/// The template language, by what Jinja itself makes of small templates (Fixtures/jinja).
@Suite struct TemplateLanguageTests {
    static let fixture: JSON? = try? JSON.parse(try Fixtures.data("jinja/cases.json"), place: "cases.json")
    static let cases = fixture?["cases"]?.array ?? []

    static func render(_ source: String, _ variables: [JSON.Member] = []) throws(ChatTemplateError) -> String {
        try ChatTemplate(source: source).render(
            messages: [], addGenerationPrompt: false, bosToken: nil, eosToken: nil, variables: variables)
    }

    @Test func fixturesAreThere() { #expect(Self.cases.count > 90) }

    @Test(arguments: cases.indices)
    func agreesWithJinja(_ index: Int) throws {
        let source = try #require(Self.cases[index]["source"]?.string)
        let variables = try #require(Self.fixture?["variables"]?.members)
        guard let reference = Self.cases[index]["text"]?.string else {
            #expect(throws: ChatTemplateError.self) { try Self.render(source, variables) }
            return
        }
        let text = try Self.render(source, variables)
        #expect(Array(text.unicodeScalars) == Array(reference.unicodeScalars), "\(source)")
    }

    /// What is not known is named, with its line; Jinja would do something with each.
    @Test(arguments: [
        ("\n{% include 'x' %}", "include", 2), ("{{ 1 }}\n{{ 'a' | wordcount }}", "wordcount", 2),
        ("{{ 1 is sameas 2 }}", "sameas", 1), ("{{ 'a'.zfill(3) }}", "zfill", 1), ("{{ '%s' % 1 }}", "%", 1),
        ("{% for x in [] recursive %}{% endfor %}", "recursive", 1), ("{{ lipsum() }}", "lipsum", 1),
        ("{{ strftime_now('%Y') }}", "strftime_now", 1), ("{% call f() %}{% endcall %}", "call", 1),
        ("{{ f(*x) }}", "*", 1), ("{{ 2 ** 3 }}", "**", 1), ("{{ {1: 2} }}", "an integer", 1),
        ("{% for x in [1] %}\n{{ loop.changed(x) }}{% endfor %}", "changed", 2), ("{{ range(3) }}", "a list", 1),
    ])
    func namesWhatItDoesNotKnow(_ source: String, _ name: String, _ line: Int) throws {
        let error = try #require(throws: ChatTemplateError.self) { try Self.render(source) }
        #expect(error.code == .unsupported)
        #expect(error.message.contains(name), "\(error)")
        #expect(error.place == "chat template, line \(line)")
    }

    static let hostile: [String] = [
        "{{ " + String(repeating: "(", count: 100_000),
        "{{ " + String(repeating: "not ", count: 100_000) + "1 }}",
        "{{ " + String(repeating: "-", count: 100_000) + "1 }}",
        "{{ 1" + String(repeating: "+1", count: 100_000) + " }}",
        "{{ 1" + String(repeating: "|abs", count: 100_000) + " }}",
        "{{ x" + String(repeating: "[0]", count: 100_000) + " }}",
        String(repeating: "{% if 1 %}", count: 100_000), String(repeating: "{% for x in y %}", count: 1000),
        "{{ " + String(repeating: "[", count: 100_000), String(repeating: "{{ 1 if 1 else ", count: 1000),
        "{{ 1 " + String(repeating: "if 1 else 1 ", count: 10_000) + "}}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for i in range(1000000000000) %}{% endfor %}",
        "{% for a in range(2000) %}{% for b in range(2000) %}{% for c in range(2000) %}{% endfor %}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000000 }}", "{{ 'ab' * 9223372036854775807 }}", "{{ 9223372036854775807 + 1 }}",
        "{{ -9223372036854775807 - 2 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ 1e300 | int }}", "{{ (-9223372036854775807 - 1) | abs }}", "{{ 99999999999999999999 }}",
        "{% set n = namespace(s='aaaaaaaa') %}{% for i in range(100) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
        "{% set n = namespace(s='aaaa') %}{% for i in range(100) %}{% set n.s = n.s.replace('a', 'aa') %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(100) %}{% set n.l = n.l + n.l %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(100000) %}{% set n.l = [n.l] %}{% endfor %}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l }}",
        "{% set n = namespace(l=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% endfor %}{{ n.l | tojson }}",
        "{% set n = namespace(l=[1], k=[1]) %}{% for i in range(60) %}{% set n.l = [n.l, n.l] %}{% set n.k = [n.k, n.k] %}"
            + "{% endfor %}{{ n.l == n.k }}",
        "{% set n = namespace() %}{% set n.n = n %}", "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
        "{{ 'a' | indent(100000000000) }}", "{{ [1] | tojson(indent=100000000000) }}", "{{ 'abc'[::0] }}",
        "{{ range(1, 2, 0) }}", "{{ 'x'.join(range(3)) }}", "{{ 1 % 0 }}", "{#", "{%", "{{", "{% raw %}",
        "{{ '\\u12' }}",
        "{{ '\\ud800' }}", "{{ '\\", "{% set", "{% macro f(", "{{ a[", "{{ a.", "{{ a|", "{{ a is", "{{ {1", "{%- -%}",
        String(repeating: " ", count: 2_000_000),
    ]

    @Test(arguments: hostile.indices)
    func refusesHostileTemplates(_ index: Int) {
        #expect(throws: ChatTemplateError.self, "\(Self.hostile[index].prefix(80))") {
            try Self.render(Self.hostile[index])
        }
    }

    @Test(arguments: [
        "{{ 'abc'[-9223372036854775807 - 1:9223372036854775807:9223372036854775807] }}",
        "{{ 'abc'[9223372036854775807:-9223372036854775807 - 1:-9223372036854775807 - 1] }}",
        "{{ [1][-9223372036854775807 - 1] }}", "{{ 'a'.split('a', -9223372036854775807 - 1) }}",
        "{% for i in range(9223372036854775806, 9223372036854775807, 5) %}{% endfor %}",
        "{{ 'a' * (-9223372036854775807 - 1) }}", "{{ (-9223372036854775807 - 1) % -1 }}",
    ])
    func extremeNumbersDoNotTrap(_ source: String) throws { _ = try Self.render(source) }
}
