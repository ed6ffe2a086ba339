// Sends the answer on to the application. Without scripts, the page's button does.
document.forms[0].submit();
