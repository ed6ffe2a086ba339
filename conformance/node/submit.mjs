// Sends one message with nodemailer. The options arrive as JSON on standard input; the outcome
// leaves as one line of JSON on standard output, so that the caller can check the server's reply.
import { readFileSync } from 'node:fs';
import { createTransport } from 'nodemailer';

const { transport, message } = JSON.parse(readFileSync(0, 'utf8'));
const transporter = createTransport(transport);
try {
  const { response, messageId, accepted } = await transporter.sendMail(message);
  console.log(JSON.stringify({ ok: true, response, messageId, accepted }));
} catch (error) {
  const { code, response, responseCode, command } = error;
  console.log(JSON.stringify({ ok: false, code, response, responseCode, command }));
} finally {
  transporter.close();
}
