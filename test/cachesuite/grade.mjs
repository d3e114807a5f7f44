// Reads results on standard input and writes, of each test, what the suite's
// own code makes of it.
import fs from 'fs'
import { pathToFileURL } from 'url'

const here = name => import(pathToFileURL(process.cwd() + '/' + name))
const tests = (await here('tests/index.mjs')).default
tests.push((await here('tests/surrogate-control.mjs')).default)
const { determineTestResult } = await here('lib/display.mjs')

const results = JSON.parse(fs.readFileSync(0, 'utf8'))
const grades = []
for (const suite of tests) {
  for (const test of suite.tests) {
    if (test.browser_only || results[test.id] === undefined) continue
    const grade = determineTestResult(tests, test.id, results)
    const why = Array.isArray(results[test.id]) ? String(results[test.id][1]) : ''
    grades.push({ id: test.id, kind: test.kind || 'required', grade: grade[2], why })
  }
}
console.log(JSON.stringify(grades))
