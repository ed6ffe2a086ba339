// Asks the browser for a passkey and sends its answer with the form.
const form = document.getElementById("passkey");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(form.dataset.options));
    const credential = await navigator.credentials.get({ publicKey });
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    form.submit();
  } catch {
    document.getElementById("passkey-problem").hidden = false;
  }
});
